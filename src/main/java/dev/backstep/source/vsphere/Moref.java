package dev.backstep.source.vsphere;

/**
 * A managed object reference: what a vCenter calls one of its objects by.
 *
 * @param type such as {@code VirtualMachine}
 * @param value such as {@code vm-45}; means nothing at another vCenter
 */
record Moref(String type, String value) {

  static Moref machine(String value) {
    return new Moref("VirtualMachine", value);
  }

  static Moref snapshot(String value) {
    return new Moref("VirtualMachineSnapshot", value);
  }

  @Override
  public String toString() {
    return value;
  }
}
