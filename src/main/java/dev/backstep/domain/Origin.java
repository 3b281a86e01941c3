package dev.backstep.domain;

/** Who asked for a backup. */
public enum Origin {
  /** Somebody at a command line, in the command's own process. */
  COMMAND,
  /** Somebody who called the server. */
  API,
  SCHEDULE
}
