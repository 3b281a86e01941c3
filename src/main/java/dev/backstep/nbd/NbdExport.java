package dev.backstep.nbd;

import java.util.Map;

/**
 * What a server tells of an export.
 *
 * @param sizeBytes its size
 * @param flags transmission flags ("Transmission flags" of the protocol)
 * @param blockBytesMin requests must be multiples of this, at least 1
 * @param payloadBytesMax most bytes a read may ask for
 * @param structured whether replies are structured
 * @param contexts names of the meta contexts that were granted, by the server's number
 */
public record NbdExport(
    long sizeBytes,
    int flags,
    int blockBytesMin,
    int payloadBytesMax,
    boolean structured,
    Map<Integer, String> contexts) {

  public NbdExport {
    contexts = Map.copyOf(contexts);
  }

  /** Whether several connections show one and the same disk. */
  public boolean multiConn() {
    return (flags & NbdConstants.TRANSMISSION_MULTI_CONN) != 0;
  }

  /** Whether the server refuses to be written to. */
  public boolean readOnly() {
    return (flags & NbdConstants.TRANSMISSION_READ_ONLY) != 0;
  }

  /** Whether it can be told to make what was written durable. */
  public boolean flushes() {
    return (flags & NbdConstants.TRANSMISSION_FLUSH) != 0;
  }

  /** Whether zeros can be written without sending them. */
  public boolean writesZeros() {
    return (flags & NbdConstants.TRANSMISSION_WRITE_ZEROES) != 0;
  }

  public boolean grants(String context) {
    return contexts.containsValue(context);
  }
}
