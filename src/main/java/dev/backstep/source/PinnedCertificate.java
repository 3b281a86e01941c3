package dev.backstep.source;

import dev.backstep.domain.Sha256;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Trusts one certificate, whoever signed it and whatever name it has: the one whose digest was
 * handed over by a way that is trusted.
 */
public final class PinnedCertificate extends X509ExtendedTrustManager {

  private final String sha256;
  private final String mismatch;

  private PinnedCertificate(String sha256, String mismatch) {
    this.sha256 = sha256;
    this.mismatch = mismatch;
  }

  /**
   * @param sha256 of the certificate's DER form, in lower case hexadecimal digits
   * @param mismatch what is said of any other certificate
   */
  public static SSLContext context(String sha256, String mismatch) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new PinnedCertificate(sha256, mismatch)}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no TLS", e);
    }
  }

  /** SHA-256 over its DER form, in hexadecimal digits. */
  public static String sha256(X509Certificate certificate) throws CertificateException {
    return HexFormat.of().formatHex(Sha256.digest().digest(certificate.getEncoded()));
  }

  private void check(X509Certificate[] chain) throws CertificateException {
    if (chain.length == 0 || !sha256(chain[0]).equals(sha256)) {
      throw new CertificateException(mismatch);
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    check(chain);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    throw new CertificateException("no client is expected here");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    checkClientTrusted(chain, type);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    checkClientTrusted(chain, type);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
