package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.ListedVm;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.springframework.dao.TransientDataAccessException;

/** What becomes of a start of a selection and of each VM that it finds; run on each database. */
abstract class SelectionFireRules extends FireTest {

  private String selection(String name, String settings) throws Exception {
    String text = yaml(vm(name), NIGHTLY).replace("machine: " + vm(name), settings);
    clock.set(DUE.minus(Duration.ofDays(3)));
    Files.writeString(folder.resolve("jobs/" + vm(name) + ".yaml"), text);
    reload().run();
    clock.set(DUE.plusSeconds(1));
    return vm(name);
  }

  private void has(String... names) {
    listed.clear();
    for (String name : names) {
      listed.add(new ListedVm(vm(name), "", Set.of(), Map.of("machine", vm(name))));
    }
  }

  @Test
  void fireOfASelectionIsABackupOfEachVmThatIsThereThen() throws Exception {
    String all = selection("all", "select-name: '*-web?'");
    has("web1", "web2", "db");

    recorder().fire(id(all), DUE);
    recorder().fire(id(all), DUE);

    for (String vm : List.of(vm("web1"), vm("web2"))) {
      assertThat(queries.list(Optional.of(vm), 10)).hasSize(1);
      BackupRow backup = newest(vm);
      assertThat(backup.launch().scheduledAt()).contains(DUE);
      assertThat(JobDefinitions.read(backup.definition()).source().settings())
          .containsEntry("machine", vm)
          .doesNotContainKey("select-name");
      assertThat(fire(vm).outcome()).isEqualTo(FireOutcome.QUEUED);
      assertThat(fire(vm).backup()).contains(backup.id());
    }
    assertThat(queries.list(Optional.of(vm("db")), 10)).isEmpty();
    assertThat(queries.list(Optional.of(all), 10)).isEmpty();
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(all).reason().orElseThrow())
        .isEqualTo(
            vm("web1")
                + " queued: "
                + newest(vm("web1")).id()
                + "; "
                + vm("web2")
                + " queued: "
                + newest(vm("web2")).id());
  }

  @Test
  void vmThatIsBusyIsSkippedAndTheOthersOfItsSelectionAreNot() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");
    BackupId running =
        realJobs.enqueue(
            definition(vm("web1"), NIGHTLY), RequestedLevel.AUTO, launch(Optional.empty()));

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web1")).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(vm("web1")).backup()).contains(running);
    assertThat(fire(vm("web2")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(all).reason().orElseThrow())
        .contains(vm("web1") + " skipped: " + running + " of this VM runs or waits");
  }

  /** Which sees the backup of the fire itself, where it has asked for one a moment before. */
  @Test
  void serverThatIsASecondLaterRecordsTheBackupOfTheOther() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1");
    jobs.meanwhile =
        Optional.of(() ->
            realJobs.enqueue(
                definition(vm("web1"), NIGHTLY), RequestedLevel.AUTO, launch(Optional.of(DUE))));

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web1")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(vm("web1")).backup()).contains(newest(vm("web1")).id());
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  /** The server dies between the backups and the records of them. */
  @Test
  void fireOfASelectionLeftHalfWayIsTakenUp() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");
    fires.begin(all, DUE);
    BackupId before =
        realJobs.enqueue(
            definition(vm("web1"), NIGHTLY), RequestedLevel.AUTO, launch(Optional.of(DUE)));

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web1")).backup()).contains(before);
    assertThat(queries.list(Optional.of(vm("web1")), 10)).hasSize(1);
    assertThat(queries.list(Optional.of(vm("web2")), 10)).hasSize(1);
  }

  /** Which may name one of the VMs, and have its chain. */
  @Test
  void fireOfASelectionFailsWhenADefinitionCannotBeUsedForLong() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1");
    Files.writeString(folder.resolve("jobs/edited.yaml"), "vm: [");
    FireRecorder recorder = recorder();

    recorder.fire(id(all), DUE);
    FireOutcome first = fire(all).outcome();
    clock.set(DUE.plus(Duration.ofMinutes(5)));
    recorder.retry();

    assertThat(first).isEqualTo(FireOutcome.PENDING);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(all).reason().orElseThrow()).contains("edited.yaml:1:");
    assertThat(queries.list(Optional.of(vm("web1")), 10)).isEmpty();
  }

  /** A package update starts libvirtd anew in the second in which the schedule fires. */
  @Test
  void fireOfASelectionWaitsForADaemonThatIsAwayForAWhile() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");
    FireRecorder recorder = recorder();
    listingFails = true;

    recorder.fire(id(all), DUE);
    FireOutcome first = fire(all).outcome();
    listingFails = false;
    recorder.retry();
    FireOutcome atOnce = fire(all).outcome();
    clock.set(DUE.plusSeconds(30));
    recorder.retry();

    assertThat(first).isEqualTo(FireOutcome.PENDING);
    assertThat(atOnce).as("not at every round").isEqualTo(FireOutcome.PENDING);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(queries.list(Optional.of(vm("web1")), 10)).hasSize(1);
    assertThat(queries.list(Optional.of(vm("web2")), 10)).hasSize(1);
  }

  @Test
  void fireThatCannotBeTriedNowHoldsUpNoOther() throws Exception {
    String one = selection("one", "select-name: '*web?'");
    String two = selection("two", "select-name: '*db?'");
    has("web1", "db1");
    FireRecorder recorder = recorder();
    listingFails = true;
    recorder.fire(id(one), DUE);
    recorder.fire(id(two), DUE);
    listingFails = false;
    clock.set(DUE.plusSeconds(30));
    jobs.meanwhile = Optional.of(JobsDouble::databaseAway);

    assertThatThrownBy(recorder::retry).isInstanceOf(TransientDataAccessException.class);

    assertThat(List.of(fire(one).outcome(), fire(two).outcome()))
        .containsExactlyInAnyOrder(FireOutcome.PENDING, FireOutcome.QUEUED);
  }

  /** An end is told, not that it was noticed late, whatever the schedule says of late ones. */
  @Test
  void fireThatWaitedInVainFailsWithItsReasonAndIsTakenUpByAnyServer() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    listingFails = true;
    FireRecorder recorder = recorder();
    recorder.fire(id(all), DUE);

    recorder().takeUp(fire(all));
    FireOutcome stillInTime = fire(all).outcome();
    clock.set(DUE.plus(Duration.ofMinutes(6)));
    recorder.takeUp(fire(all));
    FireOutcome left = fire(all).outcome();
    recorder.retry();

    assertThat(stillInTime).isEqualTo(FireOutcome.PENDING);
    assertThat(left).as("this server tries it in its own time").isEqualTo(FireOutcome.PENDING);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(all).reason()).contains("the daemon starts anew");
  }

  /** Somebody saves a file in the second in which the schedule fires. */
  @Test
  void fireOfASelectionGoesByTheFolderAsItWasWhenItWasQuiet() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    define(vm("web1"), NIGHTLY);
    has("web1", "web2");
    DefinitionReload reload = reload();
    reload.run();
    Files.writeString(folder.resolve("jobs/" + vm("web1") + ".yaml"), "vm: [");

    recorder(reload::loaded).fire(id(all), DUE);

    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(queries.list(Optional.of(vm("web1")), 10)).isEmpty();
    assertThat(queries.list(Optional.of(vm("web2")), 10)).hasSize(1);
  }

  @Test
  void vmThatBreaksTheProgramFailsAloneAndItsFireComesToAnEnd() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");
    jobs.broken.add(vm("web1"));

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web1")).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(vm("web1")).reason()).contains("IllegalStateException: a fault");
    assertThat(fire(vm("web2")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.FAILED);
  }

  @Test
  void vmThatCannotHaveABackupFailsTheFireOfItsSelectionAndHoldsUpNoOther() throws Exception {
    String all = selection("all", "select-name: '*web*'");
    has("web" + "1".repeat(200), "web2");

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web2")).outcome()).isEqualTo(FireOutcome.QUEUED);
    assertThat(fire(all).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(all).reason().orElseThrow())
        .contains(vm("web2") + " queued: ", all + " leaves out " + vm("web1"));
  }

  @Test
  void vmWithADefinitionOfItsOwnFiresByThatOne() throws Exception {
    define(vm("web1"), NIGHTLY);
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");

    recorder().fire(id(all), DUE);

    assertThat(queries.list(Optional.of(vm("web1")), 10)).isEmpty();
    assertThat(fire(vm("web2")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }

  @Test
  void fireOfASelectionThatFindsNothingFailsUnlessThatIsAllowed() throws Exception {
    String none = selection("none", "select-name: nosuch");
    String some = selection("some", "select-name: nosuch, allow-empty: true");
    has("web1");

    recorder().fire(id(none), DUE);
    recorder().fire(id(some), DUE);

    assertThat(fire(none).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(none).reason().orElseThrow()).contains("name 'nosuch'", vm("web1"));
    assertThat(fire(some).outcome()).isEqualTo(FireOutcome.SKIPPED);
    assertThat(fire(some).reason()).contains("it selects no VM now");
  }

  @Test
  void selectionIsNotRunAsOneBackup() throws Exception {
    String all = selection("all", "select-name: '*'");

    assertThatThrownBy(() -> schedules().runNow(all, Optional.empty(), Optional.empty()))
        .hasMessageContaining("`backstep backup " + all + "`");
  }

  /** What no waiting for the database can change is told, and the others get theirs. */
  @Test
  void rowThatTheTablesRefuseFailsItsVmOnly() throws Exception {
    String all = selection("all", "select-name: '*web?'");
    has("web1", "web2");
    jobs.refused.add(vm("web1"));

    recorder().fire(id(all), DUE);

    assertThat(fire(vm("web1")).outcome()).isEqualTo(FireOutcome.FAILED);
    assertThat(fire(vm("web1")).reason().orElseThrow()).contains("a text is too long");
    assertThat(fire(vm("web2")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }
}
