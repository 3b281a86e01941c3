package dev.backstep.source.vsphere;

import java.util.Optional;

/**
 * A change id of VMware: the UUID of a tracking file and a number that grows with each snapshot,
 * {@code 52 de c0 d9 b9 43 9d 10-61 d5 4c 1b e9 7b 65 63/81}. Another UUID is another tracking,
 * begun after a reset or on another file.
 */
record TrackingId(String tracking, long number) {

  private static final int NUMBER_DIGITS_MAX = 18;

  static Optional<TrackingId> parse(String text) {
    int slash = text.lastIndexOf('/');
    String number = text.substring(slash + 1);
    boolean wellFormed =
        slash > 0
            && !number.isEmpty()
            && number.length() <= NUMBER_DIGITS_MAX
            && number.chars().allMatch(Character::isDigit);
    return wellFormed
        ? Optional.of(new TrackingId(text.substring(0, slash), Long.parseLong(number)))
        : Optional.empty();
  }

  /**
   * Why nothing can be asked since an id, by the ids alone: vSphere 6.5 and later answer some such
   * questions, and wrongly.
   *
   * @param since as it was stored
   * @param now of the snapshot
   */
  static Optional<String> obstacle(String since, String now) {
    Optional<TrackingId> then = parse(since);
    Optional<TrackingId> current = parse(now);
    if (then.isEmpty()) {
      return Optional.of(since + " is no change id of VMware");
    }
    if (current.isEmpty() || !current.get().tracking().equals(then.get().tracking())) {
      return Optional.of(
          "tracking was begun anew: it was " + since + " at the last backup and is " + now);
    }
    if (current.get().number() < then.get().number()) {
      return Optional.of(
          "tracking went back from "
              + since
              + " to "
              + now
              + "; was the VM reverted to a snapshot?");
    }
    return Optional.empty();
  }
}
