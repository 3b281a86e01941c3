package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.ListedVm;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DomainListTests {

  private static final String UUID = "6f1a4f0c-3b43-4a38-9c0f-52b1f7a1d0aa";

  private static ListedVm domain(String more) throws Exception {
    return DomainList.parse(
        "<domain type='kvm'><name>web1</name><uuid>" + UUID + "</uuid>" + more + "</domain>");
  }

  @Test
  void domainIsNamedByItsUuidAndHasNameTitleAndTags() throws Exception {
    ListedVm domain =
        domain(
            """
            <title>Shop &amp; front</title>
            <metadata>
              <other:tags xmlns:other="urn:somebody">silver</other:tags>
              <b:tags xmlns:b="urn:backstep:libvirt:1">nightly, gold
                eu</b:tags>
            </metadata>
            """);

    assertThat(domain)
        .isEqualTo(
            new ListedVm(
                "web1", "Shop & front", Set.of("nightly", "gold", "eu"), Map.of("domain", UUID)));
  }

  @Test
  void namespaceMayBeTheDefaultOneOfTheElement() throws Exception {
    assertThat(domain("<metadata><tags xmlns='urn:backstep:libvirt:1'>gold</tags></metadata>"))
        .returns(Set.of("gold"), ListedVm::tags);
  }

  @Test
  void domainWithNothingOfThatHasNothing() throws Exception {
    ListedVm domain =
        domain(
            "<metadata><tags>gold</tags>"
                + "<b:tags xmlns:b='urn:backstep:libvirt:1'/>"
                + "<b:notes xmlns:b='urn:backstep:libvirt:1'>gold</b:notes></metadata>");

    assertThat(domain.title()).isEmpty();
    assertThat(domain.tags()).isEmpty();
  }
}
