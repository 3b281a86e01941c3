package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.util.Set;

/**
 * A fault that a vCenter or ESXi answered with, by the name that the API's reference has for it.
 */
final class VsphereFault extends SourceException {

  private static final long serialVersionUID = 1L;

  /** Faults that say nothing about the object that was asked about. */
  private static final Set<String> OF_THE_SESSION =
      Set.of(
          "NotAuthenticated", "NoPermission", "InvalidLogin", "InvalidLocale", "RestrictedVersion");

  /** Faults of a VM or disk that somebody else is busy with. */
  private static final Set<String> OF_OTHERS =
      Set.of("TaskInProgress", "ConcurrentAccess", "FileLocked", "VmToolsUpgradeInProgress");

  /**
   * {@code FileFault} and what the API derives from it, less {@code FileLocked}, which passes, and
   * those of copies and clones: of a question about changes, they are about the tracking's file.
   */
  private static final Set<String> OF_FILES =
      Set.of(
          "FileFault",
          "CannotAccessFile",
          "CannotCreateFile",
          "CannotDeleteFile",
          "DirectoryNotEmpty",
          "FileAlreadyExists",
          "FileNameTooLong",
          "FileNotFound",
          "FileNotWritable",
          "FileTooLarge",
          "IncorrectFileType",
          "NoDiskSpace",
          "NotADirectory",
          "NotAFile");

  private final String fault;
  private final String property;

  /**
   * @param doing what was tried, as it stands in the message
   * @param fault its name, such as {@code FileFault}
   * @param property the argument that is wrong, for {@code InvalidArgument}; else empty
   */
  VsphereFault(String doing, String fault, String property, String message) {
    super(kind(fault), doing + ": " + text(fault, property, message));
    this.fault = fault;
    this.property = property;
  }

  private static Kind kind(String fault) {
    if (fault.equals("ManagedObjectNotFound")) {
      return Kind.NOT_FOUND;
    }
    if (OF_OTHERS.contains(fault)) {
      return Kind.LOCKED;
    }
    return OF_THE_SESSION.contains(fault) ? Kind.UNREACHABLE : Kind.FAILED;
  }

  private static String text(String fault, String property, String message) {
    String what = fault + (property.isEmpty() ? "" : " (" + property + ")");
    String todo =
        switch (fault) {
          case "InvalidLogin" -> "; check user and password-file of the definition";
          case "NoPermission" -> "; `backstep doctor` names the privileges that are missing";
          case "TaskInProgress", "ConcurrentAccess" ->
              "; another task works on it: try again when that has ended";
          default -> "";
        };
    return (message.isEmpty() ? what : message + " [" + what + "]") + todo;
  }

  boolean is(String name) {
    return fault.equals(name);
  }

  /** Whether change tracking itself cannot answer, as opposed to nobody being able to ask it. */
  boolean isOfTracking() {
    return OF_FILES.contains(fault)
        || (fault.equals("InvalidArgument")
            && (property.equals("changeId") || property.equals("deviceKey")));
  }
}
