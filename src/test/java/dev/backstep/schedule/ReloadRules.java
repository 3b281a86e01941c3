package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** From definitions to triggers; run on each database. */
abstract class ReloadRules extends ScheduleTest {

  private static final String NIGHTLY = "cron: \"0 0 1 * * ?\", zone: Europe/London";
  private static final String HOURLY = "cron: \"0 30 * * * ?\"";

  /** All that the scheduler's store knows of a trigger. */
  private List<Object> stored(String vm) {
    return jdbc.sql(
            """
            select t.NEXT_FIRE_TIME, t.PREV_FIRE_TIME, t.TRIGGER_STATE, t.START_TIME,
              t.CALENDAR_NAME, c.CRON_EXPRESSION, s.active_since
            from QRTZ_TRIGGERS t
            join QRTZ_CRON_TRIGGERS c on c.TRIGGER_NAME = t.TRIGGER_NAME
            join schedules s on s.vm_id = t.TRIGGER_NAME
            where t.TRIGGER_NAME = :vm\
            """)
        .param("vm", vm)
        .query((row, index) ->
            List.<Object>of(
                row.getLong(1),
                row.getLong(2),
                row.getString(3),
                row.getLong(4),
                String.valueOf(row.getString(5)),
                row.getString(6),
                row.getString(7)))
        .single();
  }

  /** A trigger may wait for a time of the clock as it was, which is long in coming. */
  @Test
  void clockThatWasSetHasTheSchedulesLookedAtAgain() throws Exception {
    define(vm("a"), "cron: \"0 0 1 * * ?\", zone: UTC");
    Instant now = clock.instant();
    FolderWatch watch =
        new FolderWatch(new JobFolder(folder.resolve("jobs")), reload(), Duration.ZERO, clock);
    reload().run();
    long due = due(vm("a"));

    delay(vm("a"));
    clock.set(now.plusSeconds(30)); // what adjusts a clock does as much
    watch.round();
    assertThat(due(vm("a"))).as("not looked at").isGreaterThan(due);

    clock.set(now.minus(Duration.ofDays(20)));
    watch.round();
    assertThat(due(vm("a"))).as("set back").isEqualTo(due - Duration.ofDays(20).toMillis());

    delay(vm("a"));
    clock.set(now.minus(Duration.ofDays(19)));
    watch.round();
    assertThat(due(vm("a"))).as("set forward").isEqualTo(due - Duration.ofDays(19).toMillis());
  }

  private void delay(String vm) {
    jdbc.sql(
            """
            update QRTZ_TRIGGERS set NEXT_FIRE_TIME = NEXT_FIRE_TIME + 864000000
            where TRIGGER_NAME = :vm\
            """)
        .param("vm", vm)
        .update();
  }

  private long due(String vm) {
    return jdbc.sql("select NEXT_FIRE_TIME from QRTZ_TRIGGERS where TRIGGER_NAME = :vm")
        .param("vm", vm)
        .query(Long.class)
        .single();
  }

  @Test
  void addsChangesRemovesAndTouchesNothingElse() throws Exception {
    define(vm("same"), NIGHTLY);
    define(vm("paused"), NIGHTLY);
    define(vm("changed"), NIGHTLY);
    Path gone = define(vm("gone"), NIGHTLY);
    Reload first = reload().run();
    schedules().pause(vm("paused"));
    List<Object> same = stored(vm("same"));
    List<Object> paused = stored(vm("paused"));

    clock.advance(Duration.ofSeconds(5));
    define(vm("changed"), HOURLY);
    define(vm("new"), HOURLY);
    Files.delete(gone);
    Reload second = reload().run();

    assertThat(first.added()).hasSize(4);
    assertThat(second)
        .isEqualTo(
            new Reload(
                List.of(vm("new")), List.of(vm("changed")), List.of(vm("gone")), 2, List.of()));
    assertThat(stored(vm("same"))).isEqualTo(same);
    assertThat(stored(vm("paused"))).isEqualTo(paused).contains("PAUSED");
    assertThat(scheduler.checkExists(TriggerStore.key(id(vm("gone"))))).isFalse();
    assertThat(schedules().page(0, PageRequest.first(99)).items()).hasSize(4);
  }

  @Test
  void changedScheduleStaysPaused() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    schedules().pause(vm("a"));

    define(vm("a"), HOURLY);
    reload().run();

    assertThat(schedules().schedule(vm("a"), 1).paused()).isTrue();
    assertThat(stored(vm("a"))).contains("PAUSED");
  }

  @Test
  void whatDoesNotConcernTimesLeavesTheTriggerAlone() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    List<Object> before = stored(vm("a"));

    define(vm("a"), NIGHTLY + ", jitter: 5m, window: \"00:00-05:00\", misfire: skip, retries: 3");
    Reload reload = reload().run();

    assertThat(reload.changed()).containsExactly(vm("a"));
    assertThat(stored(vm("a"))).isEqualTo(before);
    assertThat(schedules().schedule(vm("a"), 0).definition().jitter())
        .isEqualTo(Duration.ofMinutes(5));
  }

  @Test
  void fileThatCannotBeUsedKeepsItsSchedule() throws Exception {
    Path file = define(vm("a"), NIGHTLY);
    reload().run();
    List<Object> before = stored(vm("a"));

    Files.writeString(file, yaml(vm("a"), "cron: \"0 0 25 * * ?\", zone: Europe/Lundon"));
    Reload reload = reload().run();

    assertThat(reload.removed()).isEmpty();
    assertThat(reload.problems())
        .singleElement()
        .asString()
        .contains(file + ":4:")
        .contains("as hours, found '25'")
        .contains("did you mean 'Europe/London'?");
    assertThat(stored(vm("a"))).isEqualTo(before);
  }

  /** Somebody adds a file with a definition that another file has among others. */
  @Test
  void definitionThatStandsTwiceKeepsItsSchedule() throws Exception {
    Path file = folder.resolve("jobs/group.yaml");
    Files.writeString(file, yaml(vm("a"), NIGHTLY) + "---\n" + yaml(vm("b"), NIGHTLY));
    reload().run();
    List<Object> before = stored(vm("b"));

    define(vm("b"), HOURLY);
    Reload reload = reload().run();

    assertThat(reload.removed()).isEmpty();
    assertThat(reload.problems()).singleElement().asString().contains("is defined in " + file);
    assertThat(stored(vm("b"))).isEqualTo(before);
  }

  @Test
  void cronThatQuartzRefusesOrThatNeverFiresKeepsItsSchedule() throws Exception {
    define(vm("a"), NIGHTLY);
    define(vm("b"), NIGHTLY);
    reload().run();

    define(vm("a"), "cron: \"0 0 1 31 2 ?\"");
    define(vm("b"), "cron: \"0 0 1 32W * ?\"");
    define(vm("c"), "cron: \"0 0 1 * * ? 2001\"");
    Reload reload = reload().run();

    assertThat(reload.problems())
        .hasSize(3)
        .anySatisfy(text -> assertThat(text).contains("'0 0 1 31 2 ?'", "no such time"))
        .anySatisfy(text -> assertThat(text).contains("32W"))
        .anySatisfy(text -> assertThat(text).contains("2001"));
    assertThat(schedules().page(1, PageRequest.first(99)).items())
        .extracting(Schedule::vmName, schedule -> schedule.definition().cron())
        .containsExactly(tuple(vm("a"), "0 0 1 * * ?"), tuple(vm("b"), "0 0 1 * * ?"));
  }

  @Test
  void secondDefinitionOfOneVmIsRefusedAndTheFirstKept() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    List<Object> before = stored(vm("a"));

    Files.writeString(folder.resolve("jobs/zz.yaml"), yaml(vm("a"), HOURLY));
    Reload reload = reload().run();

    assertThat(reload.problems()).singleElement().asString().contains("a VM has one definition");
    assertThat(stored(vm("a"))).isEqualTo(before);
  }

  @Test
  void folderThatIsNotThereChangesNothing() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    Files.move(folder.resolve("jobs"), folder.resolve("unmounted"));

    assertThatThrownBy(() -> reload().run())
        .isInstanceOf(OperatorException.class)
        .hasMessageContaining("is not there; schedules stay as they are");
    assertThat(schedules().page(0, PageRequest.first(99)).items()).hasSize(1);
  }

  @Test
  void movedFileKeepsItsTrigger() throws Exception {
    Path file = define(vm("a"), NIGHTLY);
    reload().run();
    List<Object> before = stored(vm("a"));

    Files.move(file, folder.resolve("jobs/other.yml"));
    Reload reload = reload().run();

    assertThat(reload.removed()).isEmpty();
    assertThat(stored(vm("a"))).isEqualTo(before);
    assertThat(schedules().schedule(vm("a"), 0).file()).hasFileName("other.yml");
  }

  @Test
  void renamedFileWithATypingErrorKeepsItsSchedule() throws Exception {
    Path file = define(vm("a"), NIGHTLY);
    Path known = define(vm("b"), NIGHTLY);
    reload().run();
    schedules().pause(vm("a"));
    List<Object> before = stored(vm("a"));

    Path renamed = folder.resolve("jobs/other.yaml");
    Files.delete(file);
    Files.writeString(renamed, "vm: [");
    Reload broken = reload().run();
    List<Object> kept = stored(vm("a"));
    Files.writeString(renamed, yaml(vm("a"), NIGHTLY));
    Reload mended = reload().run();

    assertThat(broken.removed()).isEmpty();
    assertThat(kept).isEqualTo(before);
    assertThat(mended.changed()).isEmpty();
    assertThat(stored(vm("a"))).isEqualTo(before);
    Files.delete(renamed);
    Files.writeString(known, "vm: [");
    assertThat(reload().run().removed())
        .as("what is broken now is known to be another's file")
        .containsExactly(vm("a"));
  }

  @Test
  void blackOutsBecomeCalendarsAndGoWithTheLastSchedule() throws Exception {
    String blackOut = NIGHTLY + ", black-out: [%s..%s]";
    LocalDate today = clock.instant().atZone(ZoneId.of("Europe/London")).toLocalDate();
    define(vm("a"), blackOut.formatted(today, today.plusDays(5)));
    define(vm("b"), blackOut.formatted(today, today.plusDays(5)));
    reload().run();
    List<String> calendars = scheduler.getCalendarNames();
    Instant next = schedules().schedule(vm("a"), 1).nextFires().getFirst();

    define(vm("a"), NIGHTLY);
    reload().run();
    List<String> oneLeft = scheduler.getCalendarNames();
    Files.delete(folder.resolve("jobs/" + vm("b") + ".yaml"));
    reload().run();

    assertThat(calendars).hasSize(1).isEqualTo(oneLeft);
    assertThat(next).isAfter(clock.instant().plus(Duration.ofDays(5)));
    assertThat(scheduler.getCalendarNames()).isEmpty();
  }

  /** As a clock leaves it that was ahead by years for a while. */
  @Test
  void triggerThatWaitsTooFarAheadIsPutRight() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    jdbc.sql("update QRTZ_TRIGGERS set NEXT_FIRE_TIME = NEXT_FIRE_TIME + 315360000000").update();

    Reload reload = reload().run();

    assertThat(reload.unchanged()).isEqualTo(1);
    assertThat((long) stored(vm("a")).getFirst())
        .isLessThan(clock.instant().plus(Duration.ofDays(2)).toEpochMilli());
  }

  @Test
  void triggerInErrorIsPutRight() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    jdbc.sql("update QRTZ_TRIGGERS set TRIGGER_STATE = 'ERROR'").update();

    reload().run();

    assertThat(stored(vm("a"))).contains("WAITING");
  }

  @Test
  void resumeMakesUpForNothing() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    schedules().pause(vm("a"));
    clock.advance(Duration.ofDays(3));

    schedules().resume(vm("a"));

    assertThat((long) stored(vm("a")).getFirst()).isGreaterThan(clock.instant().toEpochMilli());
    assertThat(missed(clock.instant().minus(Duration.ofDays(9)), Duration.ZERO, 9)).isEmpty();
  }

  @Test
  void schedulesThatDidNotFireAreFound() throws Exception {
    define(vm("a"), NIGHTLY);
    define(vm("b"), NIGHTLY);
    reload().run();
    Instant start = clock.instant();
    clock.advance(Duration.ofDays(2).plusMinutes(10));
    List<Instant> due =
        missed(start, Duration.ofMinutes(5), 9).stream()
            .filter(missed -> missed.vmName().equals(vm("a")))
            .map(MissedFire::dueAt)
            .toList();
    fires.begin(vm("a"), due.getFirst());

    assertThat(due).hasSize(2);
    for (int limit = 1; limit <= 4; limit++) {
      assertThat(missed(start.minus(Duration.ofDays(30)), Duration.ofMinutes(5), limit))
          .as("pages of %s", limit)
          .containsExactly(
              new MissedFire(vm("a"), due.getLast()),
              new MissedFire(vm("b"), due.getFirst()),
              new MissedFire(vm("b"), due.getLast()));
    }
  }

  /** Page by page. */
  private List<MissedFire> missed(Instant since, Duration grace, int limit) {
    List<MissedFire> missed = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      Page<MissedFire> page = schedules().missed(since, grace, new PageRequest(after, limit));
      missed.addAll(page.items());
      after = page.next();
    } while (after.isPresent());
    return missed;
  }

  @Test
  void unknownVmIsToldThoseThatAreKnown() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();

    assertThatThrownBy(() -> schedules().pause("nobody"))
        .isInstanceOf(OperatorException.class)
        .hasMessageContaining("nobody: no such VM has a schedule; those that have: " + vm("a"));
  }
}
