package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.SourceException;
import dev.backstep.source.vsphere.ConnectionLimits.Place;
import dev.backstep.source.vsphere.ConnectionLimits.Room;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Room at a vCenter and at its hosts, for disks that are read at once. */
class ConnectionLimitsTests {

  private static final Place VCENTER = new Place("vc", 3);
  private static final Place HOST = new Place("vc/host-1", 1);
  private static final Place OTHER_HOST = new Place("vc/host-2", 1);

  private final ConnectionLimits limits = new ConnectionLimits();

  private CompletableFuture<Room> taking(Place... places) {
    return CompletableFuture.supplyAsync(() -> {
      try {
        return limits.take(List.of(places));
      } catch (SourceException e) {
        throw new AssertionError(e);
      }
    });
  }

  private void awaitWaiting() throws InterruptedException {
    while (!limits.isWanted()) {
      Thread.sleep(1);
    }
  }

  @Test
  void fullHostHoldsUpItsOwnDisksOnly() throws Exception {
    Room first = limits.take(List.of(VCENTER, HOST));
    CompletableFuture<Room> second = taking(VCENTER, HOST);
    awaitWaiting();

    limits.take(List.of(VCENTER, OTHER_HOST)).close();
    assertThat(second).isNotDone();
    first.close();

    assertThat(second.get(10, TimeUnit.SECONDS)).isNotNull();
  }

  @Test
  void whoWaitsForAHostTakesNoRoomAtTheVcenter() throws Exception {
    Place narrow = new Place("vc", 2);
    Room first = limits.take(List.of(narrow, HOST));
    CompletableFuture<Room> second = taking(narrow, HOST);
    awaitWaiting();

    limits.take(List.of(narrow, OTHER_HOST)).close();
    first.close();

    assertThat(second.get(10, TimeUnit.SECONDS)).isNotNull();
    assertThat(limits.isWanted()).isFalse();
  }

  @Test
  void roomThatIsGivenBackTwiceIsOneRoom() throws Exception {
    Room first = limits.take(List.of(HOST));
    first.close();
    first.close();
    Room second = limits.take(List.of(HOST));

    CompletableFuture<Room> third = taking(HOST);
    awaitWaiting();

    assertThat(third).isNotDone();
    second.close();
    assertThat(third.get(10, TimeUnit.SECONDS)).isNotNull();
  }
}
