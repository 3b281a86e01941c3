package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.DidYouMean;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import dev.backstep.source.libvirt.LibvirtSourceProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Job definitions by what an operator calls them; each is of one VM, also of those selected. */
record NamedDefinitions(Session session) {

  /**
   * @param names of files or VMs; none for every definition
   * @return those of the VMs that selections have now, in their place
   * @throws OperatorException NOT_FOUND
   * @throws JobDefinitionException when one of them, or of all, cannot be read
   */
  List<JobDefinition> of(List<String> names) {
    JobFolder folder = session.options().jobFolder();
    JobFolder.Content content = folder.read();
    List<JobDefinition> known =
        content.byVmName().values().stream().map(JobFolder.Entry::definition).toList();
    List<JobDefinition> meant = new ArrayList<>();
    if (names.isEmpty()) {
      // A definition that cannot be read may be one whose restore points were meant to stay.
      for (JobDefinitionException broken : content.broken()) {
        throw broken;
      }
      meant.addAll(known);
    }
    names.forEach(name -> meant.addAll(named(name, folder, known)));
    List<JobDefinition> inForce = Stream.concat(known.stream(), meant.stream()).toList();
    return meant.stream().flatMap(one -> expanded(one, inForce).stream()).toList();
  }

  /** The one that is meant, of several a mistake. */
  JobDefinition only(String name) {
    List<JobDefinition> found = of(List.of(name));
    if (found.size() != 1) {
      throw OperatorException.usage(
          "'"
              + name
              + "' is "
              + found.size()
              + " VMs: "
              + found.stream().map(JobDefinition::vmName).collect(Collectors.joining(", "))
              + "; name one of them",
          null);
    }
    return found.getFirst();
  }

  private List<JobDefinition> named(String name, JobFolder folder, List<JobDefinition> known) {
    List<JobDefinition> found =
        folder.find(name).stream().map(JobFolder.Entry::definition).toList();
    return found.isEmpty()
        ? List.of(
            selections(session.options())
                .find(name, known)
                .orElseThrow(() ->
                    OperatorException.notFound(
                        "'"
                            + name
                            + "' is neither a file nor a VM defined in "
                            + folder.folder().toAbsolutePath().normalize()
                            + DidYouMean.hint(name, folder.read().byVmName().keySet()))))
        : found;
  }

  private List<JobDefinition> expanded(JobDefinition definition, List<JobDefinition> inForce) {
    Selections.Selected selected = selections(session.options()).expand(definition, inForce);
    selected.leftOut().forEach(session.terminal()::error);
    return selected.definitions();
  }

  /** Asks the sources of this host. */
  static Selections selections(CommandOptions options) {
    return new Selections(List.of(new LibvirtSourceProvider()), options.home().resolve("run"));
  }
}
