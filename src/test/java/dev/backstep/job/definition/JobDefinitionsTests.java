package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.ScheduleDefinition.Days;
import dev.backstep.domain.ScheduleDefinition.Misfire;
import dev.backstep.domain.ScheduleDefinition.Window;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobDefinitionsTests {

  private static final String SMALL =
      """
      vm: pgtest1
      source:
        type: image
        disks:
          - { key: vda, path: /vms/root.qcow2 }
          - { key: vdb, path: /vms/data.qcow2 }
      repository: /backups
      """;

  private static final String WHOLE =
      """
      vm: pgtest1
      source:
        type: nbd
        disks:
          - { key: "2000", uri: "nbd+unix:///export?socket=/run/a.sock", change-id: bitmap-1, connections: 4, snapshot: s1 }
          - { key: 2001, uri: nbd://host:10809/b }
      exclude: [2001]
      repository: /backups
      level: incremental
      cbt-reset: compare
      compression: zstd
      compression-level: 19
      checksum: sha-256
      max-parallel-disks: 4
      chain-limit: 7
      schedule: { cron: "0 0 1 * * ?", zone: Europe/London, jitter: 5m, misfire: skip, window: "22:00-06:00", black-out: [2026-12-31, 2026-12-24..2026-12-26], retries: 2, retry-pause: 15m }
      retention: { last: 3, hourly: 0, daily: 14, weekly: 8, monthly: 12, yearly: 3, min-age: 1d }
      replicate: { folder: /standby, to: { 2000: "nbd+unix:///t?socket=/run/t.sock" }, exclude: [2001], schedule: { cron: "0 0/15 * * * ?", zone: UTC, jitter: 30s, black-out: [2026-12-31] } }
      """;

  @TempDir private Path folder;

  private static String message(String yaml) {
    return catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.read(yaml))
        .getMessage();
  }

  @Test
  void refusesReplicationsThatWouldMeet() {
    assertThat(message(SMALL + "replicate: { folder: /vms, to: { vda: /vms/data.qcow2 } }"))
        .contains("disk 'vda' is replicated to /vms/data.qcow2", "where source disk 'vdb' is");
    assertThat(message(SMALL + "replicate: { to: { vda: /t, vdb: /t } }"))
        .contains("disk 'vdb' is replicated to /t, which is the target of disk 'vda'");
    assertThat(message(SMALL + "replicate: { exclude: [vda] }")).contains("'folder' for all");
    assertThat(message(SMALL + "replicate: { to: { vda: nbd+tcp://h/a } }")).contains("NBD URI");
    assertThat(
            message(
                SMALL
                    + "replicate: { folder: /t, schedule: { cron: \"0 0 1 * * ?\", retries: 1 } }"))
        .contains("'retries' is for schedules of backups");
  }

  @Test
  void leavesEverythingElseAtItsDefault() {
    JobDefinition definition = JobDefinitions.read(SMALL);

    assertThat(definition.vmName()).isEqualTo("pgtest1");
    assertThat(definition.source().disks())
        .extracting(disk -> disk.key().value() + "=" + disk.location())
        .containsExactly("vda=/vms/root.qcow2", "vdb=/vms/data.qcow2");
    assertThat(definition.exclude()).isEmpty();
    assertThat(definition.level()).isEqualTo(RequestedLevel.AUTO);
    assertThat(definition.cbtReset()).isEqualTo(CbtResetPolicy.FULL);
    assertThat(definition.compression()).isEqualTo(Compression.NONE);
    assertThat(definition.compressionLevel()).isEqualTo(1);
    assertThat(definition.checksum()).isEqualTo(ChecksumKind.CRC32C);
    assertThat(definition.parallelDisksMax()).isEqualTo(2);
    assertThat(definition.chainLimit()).isEqualTo(60);
    assertThat(definition.schedule()).isEmpty();
    assertThat(definition.retention()).isEmpty();
  }

  @Test
  void readsEveryField() {
    JobDefinition definition = JobDefinitions.read(WHOLE);

    assertThat(definition.source().disks().getFirst().settings())
        .isEqualTo(Map.of("change-id", "bitmap-1", "connections", "4", "snapshot", "s1"));
    assertThat(definition.exclude()).containsExactly(new DiskKey("2001"));
    var replication = definition.replication().orElseThrow();
    assertThat(replication.target(new DiskKey("2000")))
        .contains("nbd+unix:///t?socket=/run/t.sock");
    assertThat(replication.target(new DiskKey("scsi 0/1")).orElseThrow())
        .matches("/standby/scsi-0-1-[0-9a-f]{8}\\.raw");
    assertThat(replication.exclude()).containsExactly(new DiskKey("2001"));
    assertThat(replication.schedule().orElseThrow().jitter()).isEqualTo(Duration.ofSeconds(30));
    assertThat(definition.level()).isEqualTo(RequestedLevel.INCREMENTAL);
    assertThat(definition.cbtReset()).isEqualTo(CbtResetPolicy.COMPARE);
    assertThat(definition.compression()).isEqualTo(Compression.ZSTD);
    assertThat(definition.compressionLevel()).isEqualTo(19);
    assertThat(definition.checksum()).isEqualTo(ChecksumKind.SHA_256);
    assertThat(definition.parallelDisksMax()).isEqualTo(4);
    assertThat(definition.chainLimit()).isEqualTo(7);
    var schedule = definition.schedule().orElseThrow();
    assertThat(schedule.cron()).isEqualTo("0 0 1 * * ?");
    assertThat(schedule.zone()).isEqualTo(ZoneId.of("Europe/London"));
    assertThat(schedule.jitter()).isEqualTo(Duration.ofMinutes(5));
    assertThat(schedule.misfire()).isEqualTo(Misfire.SKIP);
    assertThat(schedule.window()).contains(new Window(LocalTime.of(22, 0), LocalTime.of(6, 0)));
    assertThat(schedule.blackOuts())
        .containsExactly(
            new Days(LocalDate.of(2026, 12, 24), LocalDate.of(2026, 12, 26)),
            new Days(LocalDate.of(2026, 12, 31), LocalDate.of(2026, 12, 31)));
    assertThat(schedule.retries()).isEqualTo(2);
    assertThat(schedule.retryPause()).isEqualTo(Duration.ofMinutes(15));
    assertThat(definition.retention())
        .contains(new RetentionDefinition(3, 0, 14, 8, 12, 3, Duration.ofDays(1)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pgtest1",
        "vm with spaces",
        "../../etc/passwd",
        "データベース 🐘",
        "null",
        "007",
        "a \\\" quote: # no comment",
        "it's"
      })
  void givesBackWhatItWrote(String vmName) {
    for (String yaml : new String[] {SMALL, WHOLE}) {
      JobDefinition definition =
          JobDefinitions.read(yaml.replace("vm: pgtest1", "vm: \"" + vmName + "\""));

      String json = JobDefinitions.write(definition);

      assertThat(JobDefinitions.read(json)).isEqualTo(definition);
      assertThat(JobDefinitions.write(JobDefinitions.read(json))).isEqualTo(json);
      assertThat(json).matches("\\A\\p{ASCII}*\\z").doesNotContain("\n");
    }
  }

  @Test
  void startsRelativePathsFromTheFilesFolder() throws Exception {
    Path file = folder.resolve("a.yaml");
    Files.writeString(
        file,
        """
        vm: a
        source: { type: image, disks: [ { key: vda, path: ../disks/a.qcow2, format: qcow2 } ] }
        repository: backups
        """);

    JobDefinition definition = JobDefinitions.readAll(file).getFirst();

    assertThat(definition.repository()).isEqualTo(folder.resolve("backups").toString());
    assertThat(definition.source().disks().getFirst().location())
        .isEqualTo(folder.resolveSibling("disks/a.qcow2").toString());
  }

  @Test
  void refusesRelativePathsWithoutAFolder() {
    assertThat(message(SMALL.replace("/backups", "backups")))
        .isEqualTo(
            "job definition:7:13: 'repository' is 'backups'; expected an absolute path; this"
                + " definition has no folder to start from");
  }

  @Test
  void namesAllProblemsInTheFilesOrder() {
    String message =
        message(
            """
            vm: ""
            sorce: {}
            repository: /r
            level: ful
            chain-limit: 0
            chain-limit: 2
            """);

    assertThat(message.lines())
        .containsExactly(
            "job definition:1:1: a job definition has no field 'source'; it is needed",
            "job definition:1:5: 'vm' is ''; expected 1 to 200 characters without line breaks or"
                + " other control characters",
            "job definition:2:1: unknown field 'sorce' in a job definition; accepted: cbt-audit,"
                + " cbt-reset, chain-limit, checksum, compression, compression-level, copies,"
                + " exclude, immutable, level, max-parallel-disks, replicate, repository,"
                + " restore-test, retention, schedule, source, verify, vm; did you mean 'source'?",
            "job definition:4:8: 'level' is 'ful'; expected one of: auto, full, incremental; did"
                + " you mean 'full'?",
            "job definition:5:14: 'chain-limit' is '0'; expected a whole number from 1 to 1000",
            "job definition:6:1: field 'chain-limit' stands twice, first at line 5");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          vm: pgtest1 | vm: "a\\nb" | control characters
          vm: pgtest1 | vm: "\\x7f" | control characters
          vm: pgtest1 | vm: | has no value
          vm: pgtest1 | vm: [a] | a list in 'vm' where a value is expected
          vm: pgtest1 | vm: {a: b} | 'name: value' pairs in 'vm'
          vm: pgtest1 | "vm": x: y | not YAML
          vm: pgtest1 | vm: *x | not YAML
          vm: pgtest1 | vm: "open | not YAML
          vm: pgtest1 | ? [a] : b | pairs as a field's name
          type: image | type: imge | did you mean 'image'?
          type: image | type: libvirt | finds its disks itself
          type: image | kind: image | has no field 'type'
          key: vda | key: vdb | disk key 'vdb' stands twice
          key: vda | key: "" | 'key' is ''
          key: vda | kay: vda | did you mean 'key'?
          path: /vms/root | path: /vms/../vms/data | is the same place as 'vda'
          path: /vms/root.qcow2 | path: root.qcow2 | an absolute path
          path: /vms/root.qcow2 | path: /a, format: vmdk | one of: qcow2, raw
          path: /vms/root.qcow2 | uri: /a | has no field 'path'
          repository: /backups | repository: "" | 'repository' is ''
          repository: /backups | repo: /backups | has no field 'repository'
          repository: /backups | `repository: /b\\nexclude: vda` | the value 'vda' in 'exclude' where a list
          repository: /backups | `repository: /b\\nexclude: [vdc]` | listed: vda, vdb; did you mean 'vda'?
          repository: /backups | `repository: /b\\nexclude: [[vda]]` | expected a disk's key
          repository: /backups | `repository: /b\\nexclude: [vda, vdb]` | leaves no disk
          repository: /backups | `repository: /b\\ncompression: gzip` | one of: none, zstd
          repository: /backups | `repository: /b\\nchecksum: sha256` | one of: crc32c, sha-256; did you mean 'sha-256'?
          repository: /backups | `repository: /b\\ncompression-level: 20` | a whole number from 1 to 19
          repository: /backups | `repository: /b\\ncompression-level: -1` | a whole number from 1 to 19
          repository: /backups | `repository: /b\\nmax-parallel-disks: 99999999999` | from 1 to 64
          repository: /backups | `repository: /b\\ncbt_reset: full` | did you mean 'cbt-reset'?
          repository: /backups | `repository: /b\\ncbt-reset: FULL` | did you mean 'full'?
          repository: /backups | `repository: /b\\nschedule: daily` | where a schedule is expected
          repository: /backups | `repository: /b\\nschedule: {}` | has no field 'cron'
          repository: /backups | `repository: /b\\nschedule: {cron: "0 1 * * *"}` | found 5; put the seconds in front
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", zone: Europe/Lundon}` | did you mean 'Europe/London'?
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", jitter: 5 minutes}` | such as 90s, 5m or 1d
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", misfire: once}` | one of: run-once, skip
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", window: "22:00-25:00"}` | 22:00-06:00
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", window: "22:00-22:00"}` | two different
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: 2026-12-24}` | where a list is expected
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: [24.12.2026]}` | first and last day
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: [2026-12-26..2026-12-24]}` | first and last day
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: [2026-02-30]}` | such as 2026-12-24
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: [1970-01-01..2099-12-31]}` | more than 1000 days
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", black-out: [[2026-12-24]]}` | 'black-out' has a list
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", retries: -1}` | from 0 to 100
          repository: /backups | `repository: /b\\nschedule: {cron: "0 0 1 * * ?", retry-pause: soon}` | such as 90s
          repository: /backups | `repository: /b\\nretention: {}` | keeps no restore point
          repository: /backups | `repository: /b\\nretention: {last: 0, daily: 0}` | keeps no restore point
          repository: /backups | `repository: /b\\nretention: {last: -1}` | from 0 to 100000
          repository: /backups | `repository: /b\\nretention: {days: 3}` | unknown field 'days'
          """)
  void refuses(String line, String replacement, String expected) {
    String yaml = SMALL.replace(line, replacement.replace("\\n", "\n"));
    if (replacement.contains("\"a\\nb\"")) {
      yaml = SMALL.replace(line, replacement);
    }

    assertThat(message(yaml)).contains(expected);
    assertThat(message(yaml).lines()).allMatch(text -> text.startsWith("job definition"));
  }

  @Test
  void refusesATooLongNameWithoutRepeatingIt() {
    assertThat(JobDefinitions.read(SMALL.replace("pgtest1", "x".repeat(200))).vmName())
        .hasSize(200);
    assertThat(message(SMALL.replace("pgtest1", "x".repeat(201))))
        .contains("1 to 200 characters")
        .hasSizeLessThan(300);
  }

  @Test
  void namesAFileThatIsNotThereOrNoText() throws Exception {
    Path binary = folder.resolve("binary.yaml");
    Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});

    assertThat(
            catchThrowableOfType(
                JobDefinitionException.class,
                () -> JobDefinitions.readAll(folder.resolve("absent.yaml"))))
        .hasMessage(folder.resolve("absent.yaml") + ": there is no such file");
    assertThat(
            catchThrowableOfType(
                JobDefinitionException.class, () -> JobDefinitions.readAll(binary)))
        .hasMessage(binary + ": not UTF-8 text");
  }
}
