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

  public boolean grants(String context) {
    return contexts.containsValue(context);
  }
}
