package dev.backstep.source;

import java.nio.file.Files;
import java.nio.file.Path;

/** What QEMU's tools complain about, as the operator should read it. */
public final class QemuComplaint {

  private QemuComplaint() {}

  /**
   * @param image the file that the tool was called for
   * @param errors what it printed
   */
  public static SourceException about(Path image, String errors) {
    // Without the path, which may hold any word.
    String said = errors.replace(image.toString(), "");
    if (said.contains("Failed to get") && said.contains("lock")) {
      return new SourceException(
          SourceException.Kind.LOCKED,
          image
              + ": in use by another program, most likely a running VM; shut the VM down, or use a"
              + " source for running VMs ("
              + errors
              + ")");
    }
    if (!Files.exists(image)) {
      return new SourceException(SourceException.Kind.NOT_FOUND, image + ": there is no such disk");
    }
    return new SourceException(SourceException.Kind.FAILED, image + ": " + errors);
  }
}
