-- When: why is this image here, what does it stand on, and which change id will be asked about next?
-- Edit: the VM's name and the disk's number.
-- Shows: the completed disk backups of one disk, newest first. The first line of a repository is the
-- one that the next incremental backup there stands on: its change id and its image are one lookup.
SELECT d.repository_id, d.lineage_no, j.id, j.backup_id, j.completed_at, j.backup_type, d.reason,
  d.cause, d.previous_change_id, j.change_id, d.image, d.base_id AS parent_id, d.chain_length,
  d.damaged
FROM (
    SELECT * FROM backup_disks
    WHERE vm_id = (SELECT id FROM vms WHERE name = 'pgtest1') AND disk_id = 0
      AND status = 'COMPLETED'
    ORDER BY completed_at DESC, id DESC
    LIMIT 200) d
  JOIN backup_jobs j ON j.id = d.id
ORDER BY d.completed_at DESC, d.lineage_no DESC;
