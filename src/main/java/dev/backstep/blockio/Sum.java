package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/** What bytes come to, by one kind of checksum. Immutable. */
public final class Sum {

  private final ChecksumKind kind;
  private final byte[] value;

  /**
   * @param value taken over; as long as the kind's are
   */
  Sum(ChecksumKind kind, byte[] value) {
    if (value.length != kind.lengthBytes()) {
      throw new IllegalArgumentException(kind.title() + " of " + value.length + " bytes");
    }
    this.kind = kind;
    this.value = value;
  }

  public ChecksumKind kind() {
    return kind;
  }

  void putInto(ByteBuffer bytes) {
    bytes.put(value);
  }

  /** In which bits two CRC-32C differ. */
  int difference(Sum other) {
    return crc() ^ other.crc();
  }

  /** The CRC-32C that differs in these bits. */
  Sum changed(int difference) {
    return difference == 0 ? this : ofCrc(crc() ^ difference);
  }

  static Sum ofCrc(int crc) {
    return new Sum(ChecksumKind.CRC32C, ByteBuffer.allocate(Integer.BYTES).putInt(crc).array());
  }

  private int crc() {
    if (kind != ChecksumKind.CRC32C) {
      throw new IllegalStateException(kind.title() + " is not linear");
    }
    return ByteBuffer.wrap(value).getInt();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Sum sum && kind == sum.kind && Arrays.equals(value, sum.value);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(value);
  }

  /** As it is written in a finding. */
  @Override
  public String toString() {
    return kind.title() + " " + HexFormat.of().formatHex(value);
  }
}
