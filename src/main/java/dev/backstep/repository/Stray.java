package dev.backstep.repository;

import java.nio.file.Path;
import java.time.Instant;

/**
 * A file of a repository's folder that is no part of anything published.
 *
 * @param bytes its length; 0 for a folder
 * @param lastModified tells how old it is, as far as clocks agree
 */
public record Stray(Kind kind, Path file, long bytes, Instant lastModified) {

  /** What it is. */
  public enum Kind {
    /** Work in progress, or what a process that died has left of it. */
    PARTIAL,
    /** Half of what belongs together: an image without its manifest, a manifest without image. */
    ORPHAN,
    /** Not of this program: left alone by all that it does. */
    FOREIGN
  }
}
