package dev.backstep.source.qmp;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * A block node as {@code query-named-block-nodes} tells it.
 *
 * @param file what it is read from: a path, or another form of a name
 * @param over the file of the image below it; empty where there is none
 * @param version2 whether it is a qcow2 that cannot keep bitmaps
 */
record Node(
    String name,
    String driver,
    String file,
    Optional<String> over,
    long sizeBytes,
    long clusterBytes,
    boolean version2,
    boolean readOnly,
    List<Bitmap> bitmaps) {

  /** Formats whose backing image is another, older disk; filters also have one, the same disk. */
  private static final Set<String> OVERLAYS = Set.of("qcow2", "qed", "qcow", "vmdk", "parallels");

  /** What QEMU puts over a disk for as long as a job works on it. */
  private static final Set<String> OF_JOBS =
      Set.of("copy-before-write", "backup-top", "mirror_top", "commit_top");

  /**
   * A dirty bitmap.
   *
   * @param recording whether writes are marked
   * @param inconsistent not closed cleanly: its content cannot be trusted
   * @param dirtyBytes how much it marks
   */
  record Bitmap(String name, boolean recording, boolean inconsistent, long dirtyBytes) {

    static Bitmap of(JsonNode node) {
      return new Bitmap(
          node.path("name").asString(""),
          node.path("recording").asBoolean(false),
          node.path("inconsistent").asBoolean(false),
          node.path("count").asLong(0));
    }
  }

  Node {
    bitmaps = List.copyOf(bitmaps);
  }

  static Node of(JsonNode node) {
    JsonNode image = node.path("image");
    List<Bitmap> bitmaps = new ArrayList<>();
    for (JsonNode bitmap : node.path("dirty-bitmaps")) {
      if (bitmap.has("name")) {
        bitmaps.add(Bitmap.of(bitmap));
      }
    }
    JsonNode below = image.path("backing-image").path("filename");
    JsonNode compat = image.path("format-specific").path("data").path("compat");
    return new Node(
        node.path("node-name").asString(""),
        node.path("drv").asString(""),
        node.path("file").asString(""),
        below.isMissingNode() ? Optional.empty() : Optional.of(below.asString("")),
        image.path("virtual-size").asLong(0),
        image.path("cluster-size").asLong(0),
        compat.asString("").equals("0.10"),
        node.path("ro").asBoolean(false),
        bitmaps);
  }

  Optional<Bitmap> bitmap(String bitmap) {
    return bitmaps.stream().filter(one -> one.name().equals(bitmap)).findFirst();
  }

  boolean isOverlay() {
    return OVERLAYS.contains(driver) && over.isPresent();
  }

  boolean isOfJob() {
    return OF_JOBS.contains(driver);
  }
}
