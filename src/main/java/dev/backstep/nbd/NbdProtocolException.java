package dev.backstep.nbd;

import java.io.IOException;

/** An NBD server breaks the protocol; nothing that it says can be trusted any more. */
public final class NbdProtocolException extends IOException {

  private static final long serialVersionUID = 1L;

  /**
   * @param problem phase, what was found and what the protocol expects
   */
  NbdProtocolException(String problem) {
    super(problem + "; this is likely to be a fault of the NBD server");
  }

  private NbdProtocolException(NbdUri server, NbdProtocolException cause) {
    super(server + ": " + cause.getMessage(), cause);
  }

  /** The same, naming the server; said once, by whoever knows it. */
  NbdProtocolException by(NbdUri server) {
    return new NbdProtocolException(server, this);
  }
}
