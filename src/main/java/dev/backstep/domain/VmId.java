package dev.backstep.domain;

/**
 * A VM's stable id; also its folder's name in the repository: letters, digits, dot, dash and
 * underscore only, so that it is safe in a path.
 */
public record VmId(String value) {

  /**
   * @throws IllegalArgumentException when the text is not safe as a file name
   */
  public VmId {
    SafeName.check("VmId", value);
  }

  /**
   * The id of a VM whose source gives none: its name where that is safe in a path, else what is
   * safe of it plus a digest.
   */
  public static VmId ofName(String vmName) {
    return new VmId(SafeName.of(vmName));
  }

  @Override
  public String toString() {
    return value;
  }
}
