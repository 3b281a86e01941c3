package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.MarkName;
import dev.backstep.source.SourceException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.w3c.dom.Element;

/** The checkpoints of one repository at one domain. */
record Checkpoints(HypervisorControl control, String uuid, RepositoryId repository) {

  private static final Pattern DISK = Pattern.compile("backing chain of '([^']+)'");

  private List<String> unneeded(Set<ChangeId> keep) throws SourceException {
    return control.checkpoints(uuid).stream()
        .filter(name -> MarkName.belongsTo(repository, name))
        .filter(name -> !keep.contains(new ChangeId(name)))
        .toList();
  }

  /** Deletes those that are not needed, with their bitmaps; the domain is running. */
  void deleteUnneeded(Set<ChangeId> keep) throws SourceException {
    for (String name : unneeded(keep)) {
      delete(name);
    }
  }

  /** Makes libvirt forget those that are not needed; their bitmaps are gone already. */
  void forgetUnneeded(Set<ChangeId> keep) throws SourceException {
    for (String name : unneeded(keep)) {
      control.forgetCheckpoint(uuid, name);
    }
  }

  /**
   * Removes the bitmaps of checkpoints of ours that libvirt does not know any more, which would
   * stay in the images for good: it deletes what it is told of, whether it made that or not.
   */
  void deleteForgotten(Domain domain, Set<ChangeId> marks) throws SourceException {
    List<String> known = control.checkpoints(uuid);
    for (ChangeId mark : marks) {
      if (MarkName.belongsTo(repository, mark.value()) && !known.contains(mark.value())) {
        String definition = control.definition(uuid, HypervisorControl.View.LIVE);
        Optional<String> checkpoint = Checkpoint.forgotten(mark, domain, definition);
        if (checkpoint.isPresent()) {
          control.redefineCheckpoint(uuid, checkpoint.get());
          delete(mark.value());
        }
      }
    }
  }

  /**
   * Deletes one with its bitmaps; the domain is running. It may be gone already.
   *
   * <p>libvirt deletes all bitmaps of a checkpoint or none: one that a disk has lost is taken off
   * the checkpoint, and the others go.
   */
  void delete(String name) throws SourceException {
    while (true) {
      try {
        control.deleteCheckpoint(uuid, name);
        return;
      } catch (ControlException e) {
        if (e.why() == ControlException.Why.NO_CHECKPOINT) {
          return;
        }
        Matcher lost = DISK.matcher(String.valueOf(e.getMessage()));
        if (e.why() != ControlException.Why.NO_BITMAP || !lost.find()) {
          throw e;
        }
        Element checkpoint = Xml.parse(control.checkpoint(uuid, name, true));
        control.forgetCheckpoint(uuid, name);
        if (!without(checkpoint, lost.group(1))) {
          return;
        }
        control.redefineCheckpoint(uuid, Xml.write(checkpoint));
      }
    }
  }

  /**
   * @return whether a disk is left that has a bitmap
   */
  private static boolean without(Element checkpoint, String lost) {
    boolean any = false;
    for (Element list : Xml.children(checkpoint, "disks")) {
      for (Element disk : Xml.children(list, "disk")) {
        if (disk.getAttribute("name").equals(lost)) {
          disk.setAttribute("checkpoint", "no");
          disk.removeAttribute("bitmap");
        }
        any |= disk.getAttribute("checkpoint").equals("bitmap");
      }
    }
    return any;
  }
}
