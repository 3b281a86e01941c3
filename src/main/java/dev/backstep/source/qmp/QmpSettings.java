package dev.backstep.source.qmp;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.ScratchRoom;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a job definition says of a VM of QEMU.
 *
 * @param socket of a monitor that nobody else uses
 * @param scratch a folder that QEMU may write to
 * @param connections NBD connections per disk
 */
record QmpSettings(Path socket, ScratchRoom scratch, int connections, List<DiskDefinition> disks) {

  /** Where a disk's file is, for when the VM is off. */
  private static final String PATH = "path";

  static QmpSettings of(SourceDefinition definition) throws SourceException {
    Map<String, String> texts = definition.settings();
    String socket = texts.get("socket");
    if (socket == null) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "the source names no 'socket'; the path of QEMU's option -qmp is needed");
    }
    return new QmpSettings(
        Path.of(socket),
        ScratchRoom.of(definition),
        Integer.parseInt(texts.getOrDefault("connections", "2")),
        definition.disks());
  }

  static Optional<String> path(DiskDefinition disk) {
    return Optional.ofNullable(disk.settings().get(PATH));
  }
}
