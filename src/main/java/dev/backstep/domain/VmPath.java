package dev.backstep.domain;

/**
 * The source's own path of a VM, by which programs outside this one name it: an inventory path
 * where the source has folders, else the VM's name.
 */
public final class VmPath {

  /** Longest text kept, in characters. */
  public static final int LENGTH_MAX = 700;

  private static final String SETTING = "path";

  private VmPath() {}

  /** What the source of a definition calls its VM. */
  public static String of(JobDefinition definition) {
    return definition.source().settings().getOrDefault(SETTING, definition.vmName());
  }
}
