package dev.backstep.qcow2;

/**
 * Where an image keeps its dirty bitmaps (specification: "Bitmaps extension"). The values are as
 * they stand in the image, not checked.
 *
 * @param at place of this extension in the file, in bytes
 * @param bitmaps how many there are
 * @param directoryBytes length of the bitmap directory
 * @param directoryOffset its place in the file, in bytes
 */
record BitmapsExtension(long at, int bitmaps, long directoryBytes, long directoryOffset) {

  /** Length of the extension's content. */
  static final int BYTES = 24;
}
