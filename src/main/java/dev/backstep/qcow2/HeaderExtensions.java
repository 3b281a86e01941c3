package dev.backstep.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What stands between an image's header and its backing file name (specification: "Header
 * extensions"). Types that are not known are passed over, as the specification says.
 *
 * @param contents by type; the first one of each
 */
record HeaderExtensions(Map<Integer, Content> contents) {

  /**
   * @param at place in the file, in bytes
   */
  record Content(long at, ByteBuffer bytes) {}

  /**
   * @param end first byte behind the room for extensions
   * @throws Qcow2FormatException when one reaches behind that
   */
  static HeaderExtensions parse(Path image, ByteBuffer head, int start, long end)
      throws Qcow2FormatException {
    Map<Integer, Content> contents = new HashMap<>();
    long at = start;
    while (at + 8 <= end && head.getInt((int) at) != Qcow2Constants.EXTENSION_END) {
      int length = head.getInt((int) at + 4);
      if (length < 0 || length > end - at - 8) {
        throw new Qcow2FormatException(
            image,
            at,
            "header extension of "
                + Integer.toUnsignedString(length)
                + " bytes, but it must end at byte "
                + end);
      }
      contents.putIfAbsent(
          head.getInt((int) at), new Content(at, head.slice((int) at + 8, length)));
      at += 8 + (length + 7L & ~7L);
    }
    return new HeaderExtensions(Map.copyOf(contents));
  }

  Optional<String> backingFormat() {
    return Optional.ofNullable(contents.get(Qcow2Constants.EXTENSION_BACKING_FORMAT))
        .map(content -> StandardCharsets.US_ASCII.decode(content.bytes().duplicate()).toString());
  }

  Optional<BitmapsExtension> bitmaps(Path image) throws Qcow2FormatException {
    Content content = contents.get(Qcow2Constants.EXTENSION_BITMAPS);
    if (content == null) {
      return Optional.empty();
    }
    ByteBuffer bytes = content.bytes();
    if (bytes.limit() != BitmapsExtension.BYTES) {
      throw new Qcow2FormatException(
          image,
          content.at() + 4,
          "bitmaps extension of "
              + bytes.limit()
              + " bytes, expected "
              + BitmapsExtension.BYTES
              + "; the header is damaged");
    }
    return Optional.of(
        new BitmapsExtension(
            content.at() + 8, bytes.getInt(0), bytes.getLong(8), bytes.getLong(16)));
  }
}
