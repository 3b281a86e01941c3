package dev.backstep.job;

import dev.backstep.backup.DiskTarget;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.vsphere.RestoredMachine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/**
 * By what a target is told from others: as it was said, and without links on the way to it. Both,
 * for a link in {@code /dev} leads elsewhere after a restart, and one of a user may at any time.
 */
public final class TargetNames {

  private TargetNames() {}

  /**
   * @param target one that can take a disk
   */
  public static Set<String> of(DiskTarget target) {
    if (target.kind() != DiskTarget.Kind.NBD) {
      return paths(Path.of(target.place()));
    }
    NbdUri uri = NbdUri.parse(target.place());
    if (uri.socket().isEmpty()) {
      return Set.of(uri.text());
    }
    Path socket = uri.socket().get();
    if (RestoredMachine.isServedByCommand(uri)) {
      return Set.of(String.valueOf(socket.getFileName())); // the VM's disk, in any home folder
    }
    Set<String> names = new TreeSet<>();
    paths(socket).forEach(path -> names.add(NbdUri.unix(Path.of(path), uri.export()).text()));
    return names;
  }

  private static Set<String> paths(Path path) {
    Set<String> names = new TreeSet<>(Set.of(path.toString()));
    try {
      names.add(path.toRealPath().toString());
    } catch (IOException e) {
      Path folder = path.getParent();
      if (folder != null && !folder.equals(path)) {
        paths(folder).forEach(real -> names.add(Path.of(real).resolve(path.getFileName()) + ""));
      }
    }
    return names;
  }
}
