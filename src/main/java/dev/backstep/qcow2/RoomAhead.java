package dev.backstep.qcow2;

import dev.backstep.blockio.DirectFile;

/**
 * Has the file system set room aside for an image ahead of its writes. Writes that make a file
 * longer exclude each other, at the processor's cost; those inside of it go on side by side. What
 * is not needed goes back when the image is finished. For one thread.
 */
final class RoomAhead {

  /** An image that stays smaller takes none. */
  static final long BEGIN = 64L << 20;

  static final long STEP_BYTES = 256L << 20;

  /** With less room than this left none is taken: other images may need it. */
  static final long ROOM_BYTES_MIN = 16L << 30;

  private final DirectFile file;
  private final long roomBytesMin;
  private long end = BEGIN;

  RoomAhead(DirectFile file, long roomBytesMin) {
    this.file = file;
    this.roomBytesMin = roomBytesMin;
  }

  /** Called before anything is written between the image's end of now and its next one. */
  void grow(long from, long to) {
    if (to > end) {
      long at = Math.max(end, from);
      end = file.reserve(at, STEP_BYTES, roomBytesMin) ? at + STEP_BYTES : Long.MAX_VALUE;
    }
  }
}
