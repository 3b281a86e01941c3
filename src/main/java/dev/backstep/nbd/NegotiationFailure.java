package dev.backstep.nbd;

import java.io.EOFException;
import java.io.IOException;

/** Why a negotiation did not end in transmission, with the server's address. */
final class NegotiationFailure {

  private NegotiationFailure() {}

  static IOException of(NbdUri uri, Wire wire, Exception e) {
    if (wire.isStalled()) {
      return new NbdException(
          NbdException.Kind.LOST, uri + ": handshake: the server does not answer", e);
    }
    if (e instanceof EOFException) {
      return new NbdException(
          NbdException.Kind.LOST, uri + ": handshake: the server ended the connection", e);
    }
    if (e instanceof NbdProtocolException broken) {
      return broken.by(uri);
    }
    if (e instanceof NbdException nbd) {
      return new NbdException(nbd.kind(), uri + ": " + nbd.getMessage(), nbd);
    }
    return e instanceof IOException io ? io : new IOException(e);
  }
}
