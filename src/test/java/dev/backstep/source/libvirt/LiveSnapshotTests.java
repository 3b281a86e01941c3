package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveSnapshotTests {

  private static final SnapshotRequest REQUEST =
      new SnapshotRequest(
          new RepositoryId("r1"), new BackupId("backup-web-20260101-000000"), Map.of(), Set.of());

  private static final String MARK = "backstep.r1.backup-web-20260101-000000.1";

  @TempDir Path folder;

  /** A daemon that refuses to end the job when it is asked for the first time. */
  private static final class Control extends ScriptedControl {
    private final CountDownLatch aborted = new CountDownLatch(1);
    private final AtomicInteger aborts = new AtomicInteger();
    private final List<String> deleted = new ArrayList<>();
    private volatile String socket;

    Control(Path socket) {
      this.socket = socket.toString();
    }

    @Override
    public void deleteCheckpoint(String uuid, String name) {
      deleted.add(name);
    }

    @Override
    public String definition(String domain, View view) {
      return "<domain><name>web</name><uuid>" + UUID + "</uuid><devices/></domain>";
    }

    @Override
    public Optional<String> backupJob(String uuid) {
      return aborted.getCount() == 0
          ? Optional.empty()
          : Optional.of("<domainbackup><server socket='" + socket + "'/></domainbackup>");
    }

    @Override
    public void abort(String uuid) throws SourceException {
      if (aborts.incrementAndGet() == 1) {
        throw refusal(ControlException.Why.BUSY);
      }
      aborted.countDown();
    }
  }

  /** Closes a snapshot whose job cannot be ended at that moment. */
  private LiveSnapshot close(Control control, Path socket) throws Exception {
    OwnJob job = job(control);
    RunningGuest guest = new RunningGuest(control, ScriptedControl.UUID, settings(), job);
    GuestGuard guard = GuestGuard.start("web", guest, Duration.ofSeconds(60));
    LiveSnapshot snapshot =
        new LiveSnapshot(
            handle(socket),
            socket,
            job,
            new Checkpoints(control, ScriptedControl.UUID, REQUEST.repository()),
            guard,
            1,
            Map.of());
    snapshot.close();
    return snapshot;
  }

  private LibvirtSettings settings() throws SourceException {
    return LibvirtSettings.of(ScriptedControl.source(folder));
  }

  private static Handle handle(Path socket) {
    return new Handle(
        ScriptedControl.UUID,
        "2026-01-01T00:00:00Z",
        socket.toString(),
        List.of(disk("vda", MARK), disk("vdb", MARK), disk("vdc", null)),
        null);
  }

  private static Handle.Disk disk(String key, @Nullable String mark) {
    return new Handle.Disk(key, 0, mark, null, 0, false, "");
  }

  @Test
  void jobThatCannotBeEndedIsEndedLater() throws Exception {
    Path socket = socketOfAJob();
    Control control = new Control(socket);

    close(control, socket);

    assertThat(control.aborted.await(20, TimeUnit.SECONDS)).isTrue();
  }

  private Path socketOfAJob() {
    return job(new ScriptedControl()).newSocket();
  }

  private OwnJob job(HypervisorControl control) {
    return new OwnJob(control, ScriptedControl.UUID, folder, REQUEST.repository());
  }

  @Test
  void checkpointIsSpentWhenItsJobHasEnded() throws Exception {
    Path socket = socketOfAJob();
    Control control = new Control(socket);
    control.aborts.set(1); // it does what it is asked
    LiveSnapshot snapshot = close(control, socket);

    snapshot.remove(snapshot.spentMarks());

    assertThat(control.deleted).containsExactly(MARK);
  }

  @Test
  void checkpointOfAJobThatIsStillThereIsNotSpent() throws Exception {
    Path socket = socketOfAJob();
    Control control = new Control(socket);

    LiveSnapshot snapshot = close(control, socket);

    assertThat(snapshot.spentMarks()).isEmpty();
  }

  @Test
  void jobOfALaterBackupIsLeftAlone() throws Exception {
    Path socket = socketOfAJob();
    Control control = new Control(socket);
    close(control, socket);
    control.socket = socketOfAJob().toString();

    assertThat(control.aborted.await(3, TimeUnit.SECONDS)).isFalse();
  }

  @Test
  void jobThatIsBeingEndedIsNotTakenUpAgain() throws Exception {
    Path socket = socketOfAJob();
    Control control = new Control(socket);

    close(control, socket);

    assertThatThrownBy(() ->
            new LibvirtSource(settings(), control, folder).reattach(REQUEST, handle(socket).text()))
        .isInstanceOf(SnapshotGoneException.class);
  }
}
