package dev.backstep.catalog;

import static dev.backstep.catalog.TestCatalog.plan;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TimeZone;
import liquibase.Scope;
import liquibase.changelog.FastCheckService;
import org.junit.jupiter.api.Test;

/** What the catalog promises of machines, repositories and its lists, on any database. */
abstract class MachineContract extends CatalogTest {

  // Machines, repositories, queries

  @Test
  void diskNumbersStayAndAreNeverReused() throws Exception {
    int root = catalog.machines.diskId(vm, new DiskKey("vda"));
    int data = catalog.machines.diskId(vm, new DiskKey("VDA"));
    int spaced = catalog.machines.diskId(vm, new DiskKey("vda "));

    assertThat(List.of(root, data, spaced)).containsExactly(0, 1, 2);
    assertThat(catalog.machines.diskId(vm, new DiskKey("VDA"))).isEqualTo(1);
    assertThat(catalog.machines.disks(vm))
        .containsExactly(
            Map.entry(0, new DiskKey("vda")),
            Map.entry(1, new DiskKey("VDA")),
            Map.entry(2, new DiskKey("vda ")));
  }

  @Test
  void diskNumbersGivenAtOnceDiffer() throws Exception {
    List<Object> numbers =
        atOnce(8, thread -> catalog.machines.diskId(vm, new DiskKey("k" + thread % 4)));

    assertThat(numbers).hasSize(8);
    assertThat(catalog.machines.disks(vm).keySet()).containsExactly(0, 1, 2, 3);
  }

  @Test
  void vmNamesAreUniqueAndMayChange() {
    catalog.machines.register(vm, vmName + " – renamed ünï");
    assertThat(catalog.machines.name(vm)).contains(vmName + " – renamed ünï");
    assertThat(catalog.machines.find(vmName)).isEmpty();
    VmId other = new VmId(vm + "-other");

    assertThatThrownBy(() -> catalog.machines.register(other, vmName + " – renamed ünï"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(vm.value());

    catalog.machines.register(other, vmName);
    assertThat(catalog.queries.vmNames()).contains(vmName, vmName + " – renamed ünï");
  }

  @Test
  void vmRegisteredAtOnceByManyIsThereOnce() throws Exception {
    VmId fresh = new VmId(vm + "-fresh");

    List<Object> outcomes =
        atOnce(
            8,
            thread -> {
              catalog.machines.register(fresh, "fresh of " + vm);
              catalog.repositories.register(new RepositoryId("fresh-" + vm), "/f");
              return "done";
            });

    assertThat(outcomes).containsOnly("done");
    assertThat(catalog.machines.find("fresh of " + vm)).contains(fresh);
  }

  @Test
  void remembersWhereARepositoryWasMovedTo() {
    RepositoryId moved = new RepositoryId("moved-" + vm);
    catalog.repositories.register(moved, "/a");
    catalog.repositories.register(moved, "/b");

    assertThat(catalog.repositories.path(moved)).contains("/b");
  }

  @Test
  void findsBackupsByAnyIdAndExecution() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    long execution = 1000L + MACHINES.get();
    catalog.backups.executing(id, lease, execution);

    assertThat(catalog.queries.find(id.value()).orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.find(disk.value()).orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.named(execution + "").orElseThrow().id()).isEqualTo(id);
    assertThat(catalog.queries.find("nothing' or '1'='1")).isEmpty();
    assertThatThrownBy(() -> catalog.queries.backup(new BackupId("nothing")))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessageContaining("nothing");
    assertThatThrownBy(() -> catalog.queries.disk(id, 9))
        .isInstanceOf(NoSuchElementException.class);
  }

  @Test
  void listsNewestFirstWithDisks() throws Exception {
    BackupId first = completed("c1");
    clock.advance(Duration.ofSeconds(1));
    BackupId second = completed("c2");
    clock.advance(Duration.ofSeconds(1));
    BackupId third = catalog.begin(vm, lease);

    List<BackupRow> rows = catalog.queries.list(Optional.of(vmName), 10);

    assertThat(rows).extracting(BackupRow::id).containsExactly(third, second, first);
    assertThat(rows).extracting(row -> row.disks().size()).containsExactly(0, 1, 1);
    BackupDiskRow disk = rows.get(1).disks().getFirst();
    assertThat(disk.level()).contains(Level.FULL);
    assertThat(disk.reason()).contains(Reason.NO_BASELINE);
    assertThat(List.of(disk.bytesTotal(), disk.bytesRead(), disk.bytesStored()))
        .containsExactly(500L, 500L, 300L);
    assertThat(rows.get(1).repositoryPath()).isEqualTo("/backups");
    assertThat(catalog.queries.list(Optional.of(vmName), 2)).hasSize(2);
    assertThat(catalog.queries.list(Optional.of("no such vm"), 10)).isEmpty();
    assertThat(catalog.queries.list(Optional.empty(), 1000)).containsAll(rows);
  }

  @Test
  void planningAgainResetsTheCounters() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = catalog.disk(id, lease, 0);
    catalog.backups.progress(disk, lease, 30, 20, 10);
    catalog.backups.stopDisk(disk, lease);
    assertThat(catalog.queries.disk(id, 0).status()).isEqualTo(Status.STOPPED);

    catalog.backups.planned(disk, lease, plan(Reason.CBT_RESET));

    BackupDiskRow row = catalog.queries.disk(id, 0);
    assertThat(row.status()).isEqualTo(Status.RUNNING);
    assertThat(row.reason()).contains(Reason.CBT_RESET);
    assertThat(List.of(row.bytesRead(), row.bytesTransferred(), row.bytesStored()))
        .containsOnly(0L);
  }

  @Test
  void instantsSurviveAnyTimeZone() throws Exception {
    // 01:30 on this day does not exist in London, and 02:30 in Berlin neither.
    TimeZone before = TimeZone.getDefault();
    Instant gap = Instant.parse("2026-03-29T01:30:00.123Z");
    try {
      for (String zone : List.of("Europe/London", "Europe/Berlin", "Asia/Tokyo")) {
        TimeZone.setDefault(TimeZone.getTimeZone(zone));
        clock.set(gap);
        BackupId id = catalog.begin(vm, lease);
        assertThat(catalog.queries.backup(id).createdAt()).as(zone).isEqualTo(gap);
        TimeZone.setDefault(TimeZone.getTimeZone("America/New_York"));
        assertThat(catalog.queries.backup(id).createdAt()).as(zone).isEqualTo(gap);
        catalog.backups.ended(id, lease, Status.FAILED, Optional.empty());
      }
    } finally {
      TimeZone.setDefault(before);
    }
    assertThat(
            catalog
                .jdbc
                .sql("select max(created_at) from backups where vm_id = :vm")
                .param("vm", vm.value())
                .query(LocalDateTime.class)
                .single())
        .isEqualTo("2026-03-29T01:30:00.123");
  }

  @Test
  void changelogsRunTwice() throws Exception {
    int before = changesApplied();

    // Otherwise Liquibase remembers that it was up to date and looks at nothing.
    Scope.getCurrentScope().getSingleton(FastCheckService.class).clearCache();
    TestCatalog.migrate(catalog.dataSource);

    assertThat(changesApplied()).isEqualTo(before).isPositive();
  }

  @Test
  void frameworkTablesKeepAnyText() {
    catalog
        .jdbc
        .sql(
            """
            insert into BATCH_JOB_INSTANCE (JOB_INSTANCE_ID, VERSION, JOB_NAME, JOB_KEY)
            values (:id, 0, :name, :key)\
            """)
        .param("id", MACHINES.get())
        .param("name", "日本 🙂")
        .param("key", vm.value())
        .update();

    assertThat(
            catalog
                .jdbc
                .sql("select JOB_NAME from BATCH_JOB_INSTANCE where JOB_KEY = :key")
                .param("key", vm.value())
                .query(String.class)
                .single())
        .isEqualTo("日本 🙂");
    assertThat(catalog.jdbc.sql("select count(*) from QRTZ_TRIGGERS").query(Long.class).single())
        .isZero();
  }

  @Test
  void administratorsViewHasExactlyItsColumns() throws Exception {
    completed("c1");

    List<String> columns =
        catalog
            .jdbc
            .sql("select * from backup_jobs where vm_name = :vm")
            .param("vm", vmName)
            .query(row -> {
              List<String> names = new ArrayList<>();
              for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
                names.add(row.getMetaData().getColumnLabel(i).toLowerCase(Locale.ROOT));
              }
              row.next();
              assertThat(row.getString("backup_type")).isEqualTo("full");
              assertThat(row.getString("created_at")).startsWith("2026-03-04 05:06:07.891");
              assertThat(row.getLong("bytes_transferred")).isEqualTo(400);
              assertThat(row.getLong("total_bytes")).isEqualTo(500);
              return names;
            });

    assertThat(columns)
        .containsExactly(
            "id",
            "backup_id",
            "vm_name",
            "disk_id",
            "backup_type",
            "status",
            "change_id",
            "bytes_transferred",
            "total_bytes",
            "created_at",
            "completed_at");
  }

  private int changesApplied() {
    return catalog.jdbc.sql("select count(*) from DATABASECHANGELOG").query(Integer.class).single();
  }
}
