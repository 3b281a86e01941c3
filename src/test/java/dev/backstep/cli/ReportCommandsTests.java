package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.jayway.jsonpath.JsonPath;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.OperatorException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportCommandsTests {

  private static final Instant NOW = BackupRowExamples.NIGHT;
  private static final ZoneId ZONE = ZoneId.of("Europe/Berlin");

  private final EngineDouble engine = new EngineDouble();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... args) {
    return TestProgram.of(
            (home, runsJobs, verbose) -> engine, out, err, new Stopping(), Clock.fixed(NOW, ZONE))
        .run(args);
  }

  private static Map<String, @Nullable Object> row(@Nullable Object... namesAndValues) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      row.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
    }
    return row;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          running             | nothing runs
          stuck               | nothing is stuck
          failed              | nothing failed
          longest             | nothing ended in that time
          throughput          | nothing ended in that time
          missed              | every start of a schedule became a backup
          stale               | every VM has a restore point that is new enough
          fulls               | no full copies in that time
          """)
  void nothingIsSaidInASentenceAndAnEmptyArray(String verb, String sentence) {
    assertThat(run("executions", verb)).isZero();
    assertThat(out).asString().isEqualToIgnoringNewLines(sentence);
    assertThat(engine.asked).containsExactly("report " + verb + " 100", "close");
    out.reset();

    assertThat(run("executions", verb, "--json")).isZero();
    assertThat(JsonPath.<List<?>>read(out.toString(StandardCharsets.UTF_8), "$")).isEmpty();
    assertThat(err).asString().isEmpty();
  }

  @Test
  void showsRatesTimesLeftAndTheSlowestDisk() {
    engine.reported =
        List.of(
            row(
                "backup_id",
                "backup-pg-1",
                "mover",
                "INTERNAL",
                "owner_alive",
                true,
                "disks",
                List.of(
                    disk(0, "RUNNING", 50L << 20, 10L, false),
                    disk(1, "RUNNING", 10L << 20, 90L, true),
                    disk(2, "PENDING", null, null, false))),
            row("backup_id", "backup-db-1", "owner_alive", false, "disks", List.of()));

    assertThat(run("executions", "running")).isZero();

    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "BACKUP       DISK   STATUS   LEVEL             READ     OF       RATE        LEFT "
                + "  NOTE",
            "backup-pg-1  0 vda  RUNNING  full (REQUESTED)  500 MiB  1.0 GiB  50.0 MiB/s  10s   "
                + " -",
            "backup-pg-1  1 vdb  RUNNING  full (REQUESTED)  500 MiB  1.0 GiB  10.0 MiB/s  1m30s "
                + " slowest",
            "backup-pg-1  2 vdc  PENDING  full (REQUESTED)  500 MiB  1.0 GiB  -           -     "
                + " -",
            "backup-db-1  -      -        -                 -        -        -           -     "
                + " its process died");
  }

  private static Map<String, @Nullable Object> disk(
      int id, String status, @Nullable Long rate, @Nullable Long left, boolean slowest) {
    return row(
        "disk_id",
        id,
        "disk_key",
        "vd" + (char) ('a' + id),
        "status",
        status,
        "level",
        "full",
        "reason",
        "REQUESTED",
        "bytes_read",
        500L << 20,
        "bytes_total",
        1L << 30,
        "bytes_per_second",
        rate,
        "seconds_left",
        left,
        "slowest",
        slowest);
  }

  @Test
  void timesAreLocalAndTextsCannotMoveTheCursor() {
    engine.reported =
        List.of(
            row(
                "execution_id",
                7,
                "backup_id",
                "backup-pg-1",
                "completed_at",
                "2026-11-23T01:00:00Z",
                "attempts",
                2,
                "error",
                "no\u001b[2Jspace"));

    assertThat(run("executions", "failed")).isZero();

    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "EXECUTION  BACKUP       FAILED AT            TRIES  ERROR",
            "7          backup-pg-1  2026-11-23 02:00:00  2      no?[2Jspace");
  }

  @Test
  void everyReportHasATable() {
    engine.reported = List.of(row("vm_name", "pg", "completed_at", "2026-11-23T01:00:00Z"));

    for (String verb : List.of("stuck", "longest", "throughput", "stale", "fulls")) {
      out.reset();
      assertThat(run("executions", verb)).as(verb).isZero();
      assertThat(out.toString(StandardCharsets.UTF_8).lines()).as(verb).hasSize(2);
    }
  }

  @Test
  void lineageTakesADiskByNumberOrKey() {
    engine.rows.add(
        BackupRowExamples.backup(
            "1",
            Status.COMPLETED,
            BackupRowExamples.full("1", 0, 9),
            BackupRowExamples.full("1", 1, 9)));
    engine.reported =
        List.of(
            row(
                "id",
                "backup-pg-disk1-1",
                "completed_at",
                "2026-11-23T01:00:00Z",
                "level",
                "incremental",
                "reason",
                "CHANGED_EXTENTS",
                "chain_length",
                2,
                "previous_change_id",
                "m1",
                "change_id",
                "m2",
                "image",
                "/b/2.qcow2",
                "backing_image",
                "/b/1.qcow2"));

    assertThat(run("executions", "lineage", "pg", "vdb")).isZero();

    assertThat(engine.filters.getFirst().disk()).hasValue(1);
    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "2026-11-23 02:00:00  backup-pg-disk1-1",
            "  level      incremental (CHANGED_EXTENTS), image 2 of its chain",
            "  change id  m1 -> m2",
            "  image      /b/2.qcow2",
            "  backing    /b/1.qcow2");
    assertThat(run("executions", "lineage", "pg", "vdz")).isEqualTo(4);
    assertThat(run("executions", "lineage", "pgg", "0")).isEqualTo(4);
    assertThat(run("executions", "lineage", "pg")).isEqualTo(2);
  }

  @Test
  void optionsBecomeTheFilter() {
    assertThat(run("executions", "throughput", "--vm", "pg", "--disk", "1", "--since", "36h"))
        .isZero();
    assertThat(run("executions", "fulls", "--reason", "CBT_RESET", "--limit", "2500")).isZero();

    assertThat(engine.filters)
        .containsExactly(
            new AdminFilter(
                Optional.of("pg"),
                OptionalInt.of(1),
                Optional.of(NOW.minus(Duration.ofHours(36))),
                Optional.empty()),
            new AdminFilter(
                Optional.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                Optional.of(Reason.CBT_RESET)));
    assertThat(engine.asked).contains("report throughput 100", "report fulls 1000");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          failed --since yesterday             | --since is 'yesterday'; expected a time such as 36h
          failed --since 2026-13-01            | --since is '2026-13-01'
          longest --since 7x                   | --since is '7x'
          stale --limit 0                      | --limit is 0; expected 1 to 100000
          throughput --disk 1                  | of which VM? name it with --vm
          fulls --reason CBT_REST              | did you mean 'CBT_RESET'?
          fulls --reason CHANGED_EXTENTS       | expected one of REQUESTED, NO_BASELINE
          failed --reason CBT_RESET            | Unknown option
          """)
  void wrongOptionsAreCodeTwo(String args, String expected) {
    assertThat(run(("executions " + args).split(" +"))).isEqualTo(2);

    assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(1);
    assertThat(err).asString().contains(expected);
    assertThat(engine.filters).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "90s, 2026-11-23T00:58:30Z",
    "2w, 2026-11-09T01:00:00Z",
    "2026-11-01, 2026-10-31T23:00:00Z",
    "2026-11-01T12:30, 2026-11-01T11:30:00Z",
    "2026-11-01T12:30:00Z, 2026-11-01T12:30:00Z",
    "2026-11-01T12:30+05:00, 2026-11-01T07:30:00Z"
  })
  void aTimeIsAgoOrADate(String typed, Instant expected) {
    assertThat(Moment.of("--since", typed, Clock.fixed(NOW, ZONE))).contains(expected);
  }

  @Test
  void aTimeFarAgoIsNoBug() {
    assertThat(Moment.of("--since", "999999w", Clock.fixed(NOW, ZONE))).isPresent();
    assertThatThrownBy(() -> Moment.of("--since", "9999999999d", Clock.fixed(NOW, ZONE)))
        .isInstanceOf(OperatorException.class);
  }
}
