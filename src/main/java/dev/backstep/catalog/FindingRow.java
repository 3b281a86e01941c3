package dev.backstep.catalog;

import dev.backstep.domain.ByteRange;
import java.util.List;
import java.util.Optional;

/**
 * What a verification found wrong with an image.
 *
 * @param imageNumber of the {@link VerifiedImage}
 * @param kind the name of what it is about, such as {@code DATA}
 * @param range of the image's file; empty where it is about the file as a whole
 * @param disk what of the disk that range is about; empty where it is about none, or not known
 */
public record FindingRow(
    int imageNumber,
    String kind,
    Optional<ByteRange> range,
    List<ByteRange> disk,
    String found,
    String expected) {

  public FindingRow {
    disk = List.copyOf(disk);
  }
}
