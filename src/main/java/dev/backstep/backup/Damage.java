package dev.backstep.backup;

import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Something wrong with an image.
 *
 * @param range of the image's file; empty where it is about the file as a whole
 * @param disk what of the disk that range is about; empty where it is about none, or not known
 * @param found what stands there
 * @param expected what should, and what the difference means
 */
public record Damage(
    Kind kind, Optional<ByteRange> range, List<ByteRange> disk, String found, String expected) {

  public Damage {
    disk = List.copyOf(disk);
  }

  /** One of which it is not known what of the disk it is about. */
  Damage(Kind kind, Optional<ByteRange> range, String found, String expected) {
    this(kind, range, List.of(), found, expected);
  }

  Damage about(List<ByteRange> ranges) {
    return new Damage(kind, range, ranges, found, expected);
  }

  /** What it is about. */
  public enum Kind {
    /** The image, or a file that belongs to it, is not there. */
    MISSING,
    /** A file cannot be read. */
    UNREADABLE,
    /** The manifest is damaged, or says something else than the image. */
    MANIFEST,
    /** The checksums are damaged. */
    CHECKSUMS,
    /** The image's header, tables or refcounts are wrong. */
    STRUCTURE,
    /** The image's file does not hold what was written to it. */
    DATA
  }

  /** A file that cannot be read. */
  public static Damage unreadable(IOException e) {
    return of(Kind.UNREADABLE, e);
  }

  static Damage of(Kind kind, Exception e) {
    return new Damage(kind, Optional.empty(), String.valueOf(e.getMessage()), "a whole image");
  }
}
