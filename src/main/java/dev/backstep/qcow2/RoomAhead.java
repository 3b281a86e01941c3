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
  private long end;

  /**
   * @param end of what the image has so far, in bytes
   */
  RoomAhead(DirectFile file, long end, long roomBytesMin) {
    this.file = file;
    this.roomBytesMin = roomBytesMin;
    this.end = Math.max(BEGIN, end);
  }

  /** Called before anything is written up to here. */
  void growTo(long hostOffset) {
    while (hostOffset > end) {
      end = file.reserve(end, STEP_BYTES, roomBytesMin) ? end + STEP_BYTES : Long.MAX_VALUE;
    }
  }
}
