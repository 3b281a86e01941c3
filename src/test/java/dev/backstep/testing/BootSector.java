package dev.backstep.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The smallest operating system: 512 bytes that a BIOS starts. It writes itself over the disk's
 * second sector, and says something on the first serial port when that has succeeded.
 */
public final class BootSector {

  private static final int SECTOR_BYTES = 512;
  private static final int LOADED_AT = 0x7c00;

  /** Where the address of the text stands in the code, two bytes. */
  private static final int ADDRESS_AT = 25;

  private static final int[] CODE = {
    0x31,
    0xc0,
    0x8e,
    0xd8,
    0x8e,
    0xc0, // xor ax, ax; mov ds, ax; mov es, ax
    0xb8,
    0x01,
    0x03,
    0xbb,
    0x00,
    0x7c, // mov ax, 0301h; mov bx, 7c00h: write one sector from there
    0xb9,
    0x02,
    0x00,
    0xb6,
    0x00, // mov cx, 2; mov dh, 0: to the second one
    0xcd,
    0x13,
    0x72,
    0x0e, // int 13h; jc hlt
    0xba,
    0xf8,
    0x03,
    0xbe,
    0x00,
    0x00, // mov dx, 3f8h; mov si, text
    0xac,
    0x84,
    0xc0,
    0x74,
    0x03, // lodsb; test al, al; jz hlt
    0xee,
    0xeb,
    0xf8, // out dx, al; jmp lodsb
    0xf4,
    0xeb,
    0xfd // hlt; jmp hlt
  };

  private BootSector() {}

  /** Writes a raw disk that starts with it. */
  public static void write(Path disk, int sizeBytes, String says) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(sizeBytes);
    for (int one : CODE) {
      bytes.put((byte) one);
    }
    int text = LOADED_AT + CODE.length;
    bytes.put(ADDRESS_AT, (byte) text).put(ADDRESS_AT + 1, (byte) (text >> 8));
    bytes.put((says + "\r\n\0").getBytes(StandardCharsets.US_ASCII));
    bytes.put(SECTOR_BYTES - 2, (byte) 0x55).put(SECTOR_BYTES - 1, (byte) 0xaa);
    Files.write(disk, bytes.array());
  }
}
