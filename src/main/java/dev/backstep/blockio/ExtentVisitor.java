package dev.backstep.blockio;

/**
 * Takes extents as a source reports them. Sources may report extents that overlap or repeat each
 * other, in any order; where they contradict each other, {@link ExtentKind#DATA} wins.
 */
@FunctionalInterface
public interface ExtentVisitor {

  /**
   * @param offset first byte, inside the disk
   * @param length bytes, at least 1; the extent ends inside the disk
   */
  void extent(long offset, long length, ExtentKind kind);
}
