package dev.backstep.schedule;

import java.util.Optional;

/** What a backup in the queue waits for, as the texts in {@code backups.waiting_for} tell it. */
public enum Obstacle {
  /** A server that takes it. */
  SERVER(""),
  /** Another backup of its VM. */
  VM(" of the same VM"),
  MAX_BACKUPS(" backups at once"),
  HOST(" from host "),
  REPOSITORY(" into repository ");

  private final String words;

  Obstacle(String words) {
    this.words = words;
  }

  /** What its text says and no other's. */
  String words() {
    return words;
  }

  /**
   * @param waitingFor empty as long as no server has found an obstacle
   */
  public static Obstacle of(Optional<String> waitingFor) {
    for (Obstacle obstacle : values()) {
      if (obstacle != SERVER && waitingFor.filter(obstacle::isIn).isPresent()) {
        return obstacle;
      }
    }
    return SERVER;
  }

  private boolean isIn(String text) {
    return text.contains(words);
  }
}
