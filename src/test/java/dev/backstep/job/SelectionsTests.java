package dev.backstep.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.ListedVm;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SelectionsTests {

  private static final String SYSTEM = "qemu:///system";
  private static final String SESSION = "qemu:///session";

  private final Map<String, List<ListedVm>> present = new HashMap<>();
  private final Selections selections = new Selections(List.of(new Daemons()), Path.of("."));

  private final class Daemons implements SourceProvider {

    @Override
    public String type() {
      return "libvirt";
    }

    @Override
    public VmSource open(SourceDefinition definition, Path runFolder) {
      throw new AssertionError("nothing is opened");
    }

    @Override
    public List<ListedVm> list(SourceDefinition definition, Path runFolder) throws SourceException {
      List<ListedVm> vms = present.get(definition.settings().getOrDefault("uri", SYSTEM));
      if (vms == null) {
        throw new SourceException(SourceException.Kind.UNREACHABLE, "no daemon");
      }
      return vms;
    }
  }

  private static ListedVm vm(String name, String... tags) {
    return new ListedVm(name, "", Set.of(tags), Map.of("domain", "uuid-" + name));
  }

  private static JobDefinition definition(String name, String source) {
    return JobDefinitions.read(
        "vm: " + name + "\nrepository: /r\nsource: { type: libvirt, " + source + " }");
  }

  private OperatorException refused(JobDefinition definition, JobDefinition... all) {
    return catchThrowableOfType(
        OperatorException.class, () -> selections.expand(definition, List.of(all)));
  }

  @Test
  void selectionBecomesADefinitionOfEachVmByWhatStays() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1"), vm("web2")));
    JobDefinition kvm = definition("kvm", "select-name: 'web*', quiesce: off");

    Selections.Selected selected = selections.expand(kvm, List.of(kvm));

    assertThat(selected.definitions())
        .containsExactly(
            definition("web1", "domain: uuid-web1, quiesce: off"),
            definition("web2", "domain: uuid-web2, quiesce: off"));
    assertThat(selected.leftOut()).isEmpty();
    assertThat(selected.names()).isEqualTo("web1, web2");
  }

  @Test
  void definitionThatNamesItsVmStaysWhatItIs() {
    JobDefinition web = definition("web", "domain: web");

    assertThat(selections.expand(web, List.of()).definitions()).containsExactly(web);
  }

  @Test
  void definitionThatNamesAVmGoesBeforeSelections() {
    present.put(SYSTEM, List.of(vm("a"), vm("b"), vm("c"), vm("d")));
    JobDefinition kvm = definition("kvm", "select-name: '*'");
    JobDefinition named = definition("a", "domain: x");
    JobDefinition byName = definition("second", "domain: b, uri: 'qemu:///system'");
    JobDefinition byUuid = definition("third", "domain: uuid-c");
    JobDefinition elsewhere = definition("fourth", "domain: d, uri: 'qemu:///session'");

    Selections.Selected selected =
        selections.expand(kvm, List.of(kvm, named, byName, byUuid, elsewhere));

    assertThat(selected.names()).isEqualTo("d");
    assertThat(selected.leftOut())
        .containsExactly(
            "kvm leaves a to the definition of a",
            "kvm leaves b to the definition of second",
            "kvm leaves c to the definition of third");
  }

  @Test
  void ofTwoSelectionsTheFirstByNameHasTheVm() {
    present.put(SYSTEM, List.of(vm("web1", "gold"), vm("web2")));
    JobDefinition first = definition("first", "select-tag: gold");
    JobDefinition second = definition("second", "select-name: 'web*'");

    assertThat(selections.expand(first, List.of(second, first)).names()).isEqualTo("web1");
    Selections.Selected selected = selections.expand(second, List.of(second, first));

    assertThat(selected.names()).isEqualTo("web2");
    assertThat(selected.leftOut()).containsExactly("second leaves web1 to the definition of first");
  }

  @Test
  void namesakeAtAnotherDaemonIsNotTakenForTheSameVm() {
    present.put(SYSTEM, List.of(vm("web1"), vm("web2")));
    present.put(SESSION, List.of(vm("web1"), vm("web3")));
    JobDefinition first = definition("first", "select-name: '*'");
    JobDefinition second = definition("second", "select-name: '*', uri: 'qemu:///session'");

    assertThat(selections.expand(second, List.of(first, second)).names()).isEqualTo("web3");
    present.remove(SYSTEM);
    assertThat(selections.expand(second, List.of(first, second)).names()).isEqualTo("web1, web3");
  }

  @Test
  void nothingThatFitsIsAnErrorThatSaysWhatThereIs() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1")));
    JobDefinition kvm = definition("kvm", "select-name: 'app*', select-tag: gold");

    OperatorException refused = refused(kvm, kvm);

    assertThat(refused.kind()).isEqualTo(OperatorException.Kind.NOT_FOUND);
    assertThat(refused)
        .hasMessage(
            "kvm: no VM at qemu:///system has name 'app*', tag 'gold'; there are db, web1;"
                + " `allow-empty: true` in the source makes that right");
    assertThat(
            selections
                .expand(definition("kvm", "select-name: 'app*', allow-empty: true"), List.of())
                .definitions())
        .isEmpty();
  }

  @Test
  void selectionDoesNotHaveTheNameOfAVm() {
    present.put(SYSTEM, List.of(vm("kvm"), vm("web")));
    JobDefinition kvm = definition("kvm", "select-name: '*'");

    OperatorException refused = refused(kvm, kvm);

    assertThat(refused.kind()).isEqualTo(OperatorException.Kind.USAGE);
    assertThat(refused).hasMessageContaining("kvm selects a VM whose name, kvm, is that of a");
  }

  @Test
  void daemonThatIsAwayIsNotAnEmptyOne() {
    JobDefinition kvm = definition("kvm", "select-name: '*', allow-empty: true");

    assertThat(refused(kvm, kvm).kind()).isEqualTo(OperatorException.Kind.FAILED);
    assertThat(
            catchThrowableOfType(
                OperatorException.class, () -> selections.find("web1", List.of(kvm))))
        .hasMessageContaining("no daemon");
  }

  @Test
  void vmIsFoundByItsNameInTheSelectionThatHasIt() {
    present.put(SYSTEM, List.of(vm("db"), vm("web1")));
    JobDefinition none = definition("a", "select-name: nosuch");
    JobDefinition kvm = definition("kvm", "select-name: 'web*'");

    assertThat(selections.find("web1", List.of(none, kvm)))
        .contains(definition("web1", "domain: uuid-web1"));
    assertThat(selections.find("db", List.of(none, kvm))).isEmpty();
  }
}
