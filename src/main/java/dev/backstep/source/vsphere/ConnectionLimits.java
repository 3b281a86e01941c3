package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Counts the disks that this process reads at once through each vCenter and from each of its hosts:
 * both have room for so many connections only, and refuse the next one. Thread-safe.
 */
final class ConnectionLimits {

  private static final long LOOK_AGAIN_MILLIS = 1000;

  private final Map<String, Integer> used = new HashMap<>();
  private int waiting;

  /**
   * A place with room for so many.
   *
   * @param name what it is counted by
   */
  record Place(String name, int max) {}

  /** Room at several places at once; closed once. */
  final class Room implements AutoCloseable {

    private final List<Place> places;
    private boolean closed;

    private Room(List<Place> places) {
      this.places = List.copyOf(places);
    }

    @Override
    public void close() {
      synchronized (ConnectionLimits.this) {
        if (!closed) {
          closed = true;
          places.forEach(place -> used.merge(place.name(), -1, Integer::sum));
          ConnectionLimits.this.notifyAll();
        }
      }
    }
  }

  /** Whether somebody waits for room: who needs none at the moment should not keep it. */
  synchronized boolean isWanted() {
    return waiting > 0;
  }

  /** Waits until there is room at every place, and takes it. */
  synchronized Room take(List<Place> places) throws SourceException {
    waiting++;
    try {
      while (places.stream().anyMatch(this::isFull)) {
        wait(LOOK_AGAIN_MILLIS);
      }
    } catch (InterruptedException e) {
      throw new SourceException(
          SourceException.Kind.UNREACHABLE, "interrupted while it waited for a connection", e);
    } finally {
      waiting--;
    }
    places.forEach(place -> used.merge(place.name(), 1, Integer::sum));
    return new Room(places);
  }

  private boolean isFull(Place place) {
    return used.getOrDefault(place.name(), 0) >= place.max();
  }
}
