package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;

/**
 * Carries calls to a server and answers back. What is called after a {@code Login} that succeeded
 * is called in its session; a {@code Login} in none. Thread-safe.
 */
interface SoapCarrier extends AutoCloseable {

  /**
   * Calls a method.
   *
   * @return the answer's element
   * @throws VsphereFault when the server answers with a fault
   * @throws SourceException of kind {@code UNREACHABLE} when it does not answer as expected;
   *     whether it has done what was asked is not known then
   */
  XmlNode call(String method, SoapBody body) throws SourceException;

  /** SHA-1 of the certificate that the server showed, {@code AA:BB:...}; known after a call. */
  String thumbprint();

  @Override
  void close();
}
