package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.job.Look;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Selections.Selected;
import dev.backstep.job.definition.DidYouMean;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Job definitions by what an operator calls them; each is of one VM, also of those selected. */
record NamedDefinitions(Session session) {

  /**
   * What is meant, as far as it can be found out.
   *
   * @param failure of the first selection that cannot be expanded; those of the others are there
   */
  record Found(List<JobDefinition> definitions, Optional<OperatorException> failure) {

    /** The exit code of a command that did its work for all that was found. */
    int exitCode(int done) {
      return done != 0 ? done : failure.map(e -> e.kind().exitCode()).orElse(done);
    }
  }

  /**
   * As {@link #of}, but where every definition is meant a selection that cannot be expanded keeps
   * no other from its turn; it is told.
   *
   * @throws OperatorException as {@link #of}, and when nothing else is left
   */
  Found each(List<String> names) {
    if (!names.isEmpty()) {
      return new Found(of(names).definitions(), Optional.empty());
    }
    JobFolder.Content content = readable();
    Look look = LocalSources.selections(session.options()).look(content);
    List<Selected> all = new ArrayList<>();
    List<OperatorException> failures = new ArrayList<>();
    for (JobDefinition definition : content.definitions()) {
      try {
        all.add(look.expand(definition));
      } catch (OperatorException e) {
        failures.add(e);
      }
    }
    List<JobDefinition> found = told(Selected.together(all)).definitions();
    if (found.isEmpty() && !failures.isEmpty()) {
      throw failures.getFirst();
    }
    failures.forEach(e -> session.terminal().error(e.getMessage()));
    return new Found(found, failures.stream().findFirst());
  }

  /**
   * @throws JobDefinitionException when a definition cannot be read, which may be one whose restore
   *     points were meant to stay
   */
  private JobFolder.Content readable() {
    JobFolder.Content content = session.options().jobFolder().read();
    for (JobDefinitionException broken : content.broken()) {
      throw broken;
    }
    return content;
  }

  /**
   * Tells of the VMs that are left out.
   *
   * @param names of files or VMs; none for every definition
   * @return those of the VMs that selections have now, in their place
   * @throws OperatorException NOT_FOUND
   * @throws JobDefinitionException when one of them, or of all, cannot be read
   */
  Selected of(List<String> names) {
    JobFolder folder = session.options().jobFolder();
    JobFolder.Content content = names.isEmpty() ? readable() : folder.read();
    Map<String, List<JobDefinition>> named = new LinkedHashMap<>();
    for (String name : names) {
      named.put(
          name, folder.find(name, content).stream().map(JobFolder.Entry::definition).toList());
    }
    Look look =
        LocalSources.selections(session.options())
            .look(
                Stream.concat(
                        content.definitions().stream(),
                        named.values().stream().flatMap(List::stream))
                    .distinct()
                    .toList(),
                content.broken());
    List<JobDefinition> meant =
        names.isEmpty() ? content.definitions() : meant(named, look, folder, content);
    return expanded(meant, look);
  }

  private static List<JobDefinition> meant(
      Map<String, List<JobDefinition>> named,
      Look look,
      JobFolder folder,
      JobFolder.Content content) {
    List<JobDefinition> meant = new ArrayList<>();
    named.forEach((name, found) -> {
      meant.addAll(found);
      if (found.isEmpty()) {
        meant.add(look.find(name).orElseThrow(() -> unknown(name, folder, content)));
      }
    });
    return meant;
  }

  private static OperatorException unknown(
      String name, JobFolder folder, JobFolder.Content content) {
    return OperatorException.notFound(
        "'"
            + name
            + "' is neither a file nor a VM defined in "
            + folder.folder().toAbsolutePath().normalize()
            + DidYouMean.hint(name, content.byVmName().keySet()));
  }

  private Selected expanded(List<JobDefinition> meant, Look look) {
    return told(Selected.together(meant.stream().map(look::expand).toList()));
  }

  private Selected told(Selected all) {
    all.leftOut().forEach(session.terminal()::error);
    all.unprotected().forEach(session.terminal()::error);
    return all;
  }

  /** The one that is meant, of several a mistake. */
  JobDefinition only(String name) {
    List<JobDefinition> found = of(List.of(name)).definitions();
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
}
