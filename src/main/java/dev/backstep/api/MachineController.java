package dev.backstep.api;

import dev.backstep.catalog.MachineQueries;
import dev.backstep.catalog.MachineRow;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.job.BackupDocument;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** VMs that have, or had, a backup. A name may hold anything, so it stands in a parameter. */
@RestController
@RequestMapping("/api/v1/vms")
class MachineController {

  private final MachineQueries queries;

  MachineController(MachineQueries queries) {
    this.queries = queries;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "vm_name", required = false) @Nullable String vmName,
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    PageRequest request = Paging.request(limit, after);
    Page<MachineRow> page =
        vmName == null
            ? Paging.page(request, queries::page)
            : new Page<>(List.of(one(vmName)), Optional.empty());
    return Paging.answer("vms", page, MachineController::fields);
  }

  private MachineRow one(String vmName) {
    return queries
        .find(vmName)
        .orElseThrow(() ->
            new Problem(
                HttpStatus.NOT_FOUND,
                "no backup of a VM named '" + vmName + "'; GET /api/v1/vms tells which there are"));
  }

  private static Map<String, @Nullable Object> fields(MachineRow machine) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", machine.name());
    fields.put("vm_id", machine.id().value());
    fields.put("known_since", BackupDocument.time(machine.knownSince()));
    fields.put("restore_point_at", machine.restorePointAt().map(BackupDocument::time).orElse(null));
    fields.put("last_backup_id", machine.lastBackup().map(id -> id.value()).orElse(null));
    fields.put("last_status", machine.lastStatus().map(Enum::name).orElse(null));
    fields.put(
        "disks",
        machine.disks().entrySet().stream()
            .map(disk -> Map.of("disk_id", disk.getKey(), "disk_key", disk.getValue().value()))
            .toList());
    return fields;
  }
}
