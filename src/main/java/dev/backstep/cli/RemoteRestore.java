package dev.backstep.cli;

import dev.backstep.catalog.RestoredDisk;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.job.RestoreRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/** Restores as a server is asked for them and tells them. */
final class RemoteRestore {

  static final String PATH = "/api/v1/restores";

  private RemoteRestore() {}

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  static Map<String, Object> request(RestoreRequest request) {
    List<Map<String, Object>> disks = new ArrayList<>();
    new TreeMap<>(request.targets())
        .forEach((disk, target) ->
            disks.add(
                Map.of("disk_id", disk, "kind", target.kind().word(), "target", target.place())));
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", request.id());
    fields.put("disks", disks);
    fields.put("differential", request.differing());
    request.held().ifPresent(held -> fields.put("held_id", held));
    request.machine().ifPresent(vm -> fields.put("onto_vm", vm));
    return fields;
  }

  /** As {@link dev.backstep.job.RestoreDocument} writes them. */
  static List<RestoredDisk> disks(JsonNode json) {
    List<RestoredDisk> disks = new ArrayList<>();
    for (JsonNode disk : json.get("disks")) {
      disks.add(
          new RestoredDisk(
              disk.get("disk_id").asInt(),
              new DiskKey(disk.get("disk_key").asString()),
              new DiskBackupId(disk.get("disk_backup_id").asString()),
              disk.get("image").asString(),
              Optional.empty(),
              Optional.empty(),
              disk.get("virtual_size").asLong(),
              disk.get("chain_length").asInt(),
              disk.get("target_kind").asString(),
              disk.get("file").asString(),
              disk.get("scope").asString().toUpperCase(Locale.ROOT),
              true,
              disk.get("data_bytes").asLong(),
              disk.get("bytes_done").asLong(),
              disk.get("bytes_written").asLong()));
    }
    return disks;
  }
}
