package dev.backstep.catalog;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/** The VMs and the numbers of their disks. Safe for use by several threads. */
public final class Machines {

  private static final int NAME_LENGTH_MAX = 255;
  private static final int KEY_LENGTH_MAX = 500;

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Clock clock;

  public Machines(DataSource dataSource, PlatformTransactionManager manager, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.clock = clock;
  }

  /**
   * Makes the VM known, or remembers its new name.
   *
   * @throws IllegalArgumentException when the name is empty or longer than 255 characters
   * @throws IllegalStateException when another VM has this name
   */
  public void register(VmId id, String name) {
    if (name.isEmpty() || name.length() > NAME_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "VM name of " + name.length() + " characters: expected 1 to " + NAME_LENGTH_MAX);
    }
    Optional<String> known = name(id);
    if (known.equals(Optional.of(name))) {
      return;
    }
    try {
      if (known.isPresent()) {
        rename(id, name);
      } else {
        insert(id, name);
      }
    } catch (DuplicateKeyException e) {
      settle(id, name, e);
    }
  }

  /** The name under which the VM was registered last. */
  public Optional<String> name(VmId id) {
    return jdbc.sql("select name from vms where id = :id")
        .param("id", id.value())
        .query(String.class)
        .optional();
  }

  /** The VM with exactly this name. */
  public Optional<VmId> find(String name) {
    return jdbc.sql("select id from vms where name = :name")
        .param("name", name)
        .query(String.class)
        .optional()
        .map(VmId::new);
  }

  /**
   * The disk's number, given to it now when it has none: the next one after all numbers that this
   * VM's disks ever had.
   *
   * @throws IllegalArgumentException when the key is longer than 500 characters
   * @throws IllegalStateException when the VM is not registered
   */
  public int diskId(VmId vm, DiskKey key) {
    if (key.value().length() > KEY_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "disk key of "
              + key.value().length()
              + " characters: expected at most "
              + KEY_LENGTH_MAX);
    }
    return transactions.in(() -> {
      lock(jdbc, vm);
      return findDiskId(vm, key).orElseGet(() -> insertDisk(vm, key));
    });
  }

  /** All disks that the VM ever had, by number. */
  public Map<Integer, DiskKey> disks(VmId vm) {
    Map<Integer, DiskKey> disks = new TreeMap<>();
    jdbc.sql("select disk_id, disk_key from vm_disks where vm_id = :vm")
        .param("vm", vm.value())
        .query(row -> {
          disks.put(row.getInt("disk_id"), new DiskKey(row.getString("disk_key")));
        });
    return disks;
  }

  /** Lets one transaction at a time decide about this VM. */
  static void lock(JdbcClient jdbc, VmId vm) {
    if (!lockIfKnown(jdbc, vm)) {
      throw new IllegalStateException("VM " + vm + " is not in the catalog; register it first");
    }
  }

  /** The same of a VM that may not be in the catalog; nothing is decided about it then. */
  static boolean lockIfKnown(JdbcClient jdbc, VmId vm) {
    return jdbc.sql("select id from vms where id = :vm for update")
        .param("vm", vm.value())
        .query(String.class)
        .optional()
        .isPresent();
  }

  private Optional<Integer> findDiskId(VmId vm, DiskKey key) {
    return jdbc.sql("select disk_id from vm_disks where vm_id = :vm and disk_key = :key")
        .param("vm", vm.value())
        .param("key", key.value())
        .query(Integer.class)
        .optional();
  }

  private int insertDisk(VmId vm, DiskKey key) {
    int next =
        jdbc.sql("select coalesce(max(disk_id) + 1, 0) from vm_disks where vm_id = :vm")
            .param("vm", vm.value())
            .query(Integer.class)
            .single();
    jdbc.sql("insert into vm_disks (vm_id, disk_id, disk_key) values (:vm, :disk, :key)")
        .param("vm", vm.value())
        .param("disk", next)
        .param("key", key.value())
        .update();
    return next;
  }

  private void insert(VmId id, String name) {
    jdbc.sql("insert into vms (id, name, created_at) values (:id, :name, :now)")
        .param("id", id.value())
        .param("name", name)
        .param("now", UtcTime.of(clock.instant()))
        .update();
  }

  private void rename(VmId id, String name) {
    jdbc.sql("update vms set name = :name where id = :id")
        .param("name", name)
        .param("id", id.value())
        .update();
  }

  /**
   * After a clash of keys: fine when another process registered the same, else the name's owner.
   */
  private void settle(VmId id, String name, DuplicateKeyException clash) {
    Optional<VmId> owner = find(name);
    if (!owner.equals(Optional.of(id))) {
      throw new IllegalStateException(
          "VM name '"
              + name
              + "' of "
              + id
              + " belongs to VM "
              + owner.map(VmId::value).orElse("of another process")
              + " already; names must be unique",
          clash);
    }
  }
}
