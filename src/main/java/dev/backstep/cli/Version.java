package dev.backstep.cli;

import java.util.Objects;

/** This program's version, as its jar says. */
final class Version {

  private Version() {}

  static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return Objects.requireNonNullElse(version, "(not packaged)");
  }
}
