package dev.backstep.job;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.ListedVm;
import dev.backstep.source.Selection;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * From a definition that selects VMs to one for each of them, as the source has them at this
 * moment. What is begun, queued and stored are always those: one VM by what stays of it.
 * Thread-safe.
 */
public final class Selections {

  /** More VMs are counted, not listed. */
  private static final int LISTED_MAX = 20;

  private final List<SourceProvider> providers;
  private final Path runFolder;

  /**
   * @param runFolder of this process, as sources are opened with
   */
  public Selections(Collection<SourceProvider> providers, Path runFolder) {
    this.providers = List.copyOf(providers);
    this.runFolder = runFolder;
  }

  /**
   * What a definition stands for.
   *
   * @param definitions one for each VM, by name; the definition itself where it names one
   * @param leftOut a line for each VM that another definition backs up instead
   */
  public record Selected(List<JobDefinition> definitions, List<String> leftOut) {
    public Selected {
      definitions = List.copyOf(definitions);
      leftOut = List.copyOf(leftOut);
    }

    /** For messages. */
    public String names() {
      return Selections.names(definitions.stream().map(JobDefinition::vmName).toList());
    }
  }

  /**
   * A VM that several definitions stand for is one VM: the definition that names it counts, else
   * the first of the selections by name.
   *
   * @param all the definitions in force
   * @throws OperatorException NOT_FOUND when it selects none and does not allow that; USAGE when a
   *     selection has the name of a VM; as for a backup when the source cannot be asked
   */
  public Selected expand(JobDefinition definition, Collection<JobDefinition> all) {
    if (!definition.source().isSelection()) {
      return new Selected(List.of(definition), List.of());
    }
    List<ListedVm> present;
    try {
      present = list(definition.source());
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
    Selection selection = Selection.of(definition.source());
    List<ListedVm> fitting = present.stream().filter(selection::matches).toList();
    if (fitting.isEmpty()
        && !definition.source().settings().containsKey(SourceDefinition.ALLOW_EMPTY)) {
      throw OperatorException.notFound(nothing(definition, selection, present));
    }
    List<JobDefinition> definitions = new ArrayList<>();
    List<String> leftOut = new ArrayList<>();
    for (ListedVm vm : fitting) {
      requireFree(vm.name(), definition, all);
      rival(vm, definition, all)
          .ifPresentOrElse(
              other ->
                  leftOut.add(
                      definition.vmName()
                          + " leaves "
                          + vm.name()
                          + " to the definition of "
                          + other.vmName()),
              () ->
                  definitions.add(
                      definition.of(vm.name(), definition.source().selected(vm.naming()))));
    }
    return new Selected(definitions, leftOut);
  }

  /**
   * The definition of a VM that none names: that of the selection which has it.
   *
   * @throws OperatorException when there is none among those that could be asked, and one could not
   */
  public Optional<JobDefinition> find(String vmName, Collection<JobDefinition> all) {
    Optional<OperatorException> unasked = Optional.empty();
    for (JobDefinition definition : all) {
      try {
        Optional<JobDefinition> found =
            definition.source().isSelection()
                ? expand(definition, all).definitions().stream()
                    .filter(one -> one.vmName().equals(vmName))
                    .findFirst()
                : Optional.empty();
        if (found.isPresent()) {
          return found;
        }
      } catch (OperatorException e) {
        if (e.kind() != OperatorException.Kind.NOT_FOUND) {
          unasked = Optional.of(e);
        }
      }
    }
    if (unasked.isPresent()) {
      throw unasked.get();
    }
    return Optional.empty();
  }

  private List<ListedVm> list(SourceDefinition source) throws SourceException {
    for (SourceProvider provider : providers) {
      if (provider.type().equals(source.type())) {
        return provider.list(source, runFolder);
      }
    }
    throw new SourceException(
        SourceException.Kind.FAILED, "source type " + source.type() + ": this release has none");
  }

  /** Fires and backups are told apart by name. */
  private static void requireFree(
      String vmName, JobDefinition definition, Collection<JobDefinition> all) {
    boolean taken =
        definition.vmName().equals(vmName)
            || all.stream()
                .anyMatch(one -> one.source().isSelection() && one.vmName().equals(vmName));
    if (taken) {
      throw OperatorException.usage(
          definition.vmName()
              + " selects a VM whose name, "
              + vmName
              + ", is that of a selection; give the selection another name in 'vm'",
          null);
    }
  }

  private Optional<JobDefinition> rival(
      ListedVm vm, JobDefinition definition, Collection<JobDefinition> all) {
    return all.stream()
        .filter(other -> !other.vmName().equals(definition.vmName()))
        .filter(other -> isFor(other, vm, definition))
        .min(
            Comparator.comparing((JobDefinition other) -> other.source().isSelection())
                .thenComparing(JobDefinition::vmName));
  }

  private boolean isFor(JobDefinition other, ListedVm vm, JobDefinition definition) {
    boolean samePlace = isSamePlace(other.source(), definition.source());
    if (!other.source().isSelection()) {
      return other.vmName().equals(vm.name())
          || (samePlace && vm.isNamedBy(other.source().settings()));
    }
    if (other.vmName().compareTo(definition.vmName()) > 0) {
      return false;
    }
    Selection selection = Selection.of(other.source());
    return samePlace ? selection.matches(vm) : hasNamesake(other.source(), selection, vm.name());
  }

  /** Two VMs of one name would be taken for one. */
  private boolean hasNamesake(SourceDefinition source, Selection selection, String name) {
    try {
      return list(source).stream().anyMatch(vm -> vm.name().equals(name) && selection.matches(vm));
    } catch (SourceException e) {
      // Nothing there can be backed up now.
      return false;
    }
  }

  private static boolean isSamePlace(SourceDefinition one, SourceDefinition other) {
    return one.type().equals(other.type()) && place(one).equals(place(other));
  }

  private static String place(SourceDefinition source) {
    return source.settings().getOrDefault("uri", "qemu:///system");
  }

  private static String nothing(
      JobDefinition definition, Selection selection, List<ListedVm> present) {
    return definition.vmName()
        + ": no VM at "
        + place(definition.source())
        + " has "
        + selection
        + "; there "
        + (present.isEmpty()
            ? "is none at all"
            : "are " + names(present.stream().map(ListedVm::name).toList()))
        + "; `allow-empty: true` in the source makes that right";
  }

  private static String names(List<String> names) {
    int more = names.size() - LISTED_MAX;
    return names.stream().limit(LISTED_MAX).collect(Collectors.joining(", "))
        + (more > 0 ? " and " + more + " more" : "");
  }
}
