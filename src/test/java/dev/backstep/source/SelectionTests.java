package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.SourceDefinition;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SelectionTests {

  @ParameterizedTest
  @CsvSource({
    "web1, web1, true",
    "web1, web12, false",
    "web*, web, true",
    "web*, web-eu-1, true",
    "web*, my-web, false",
    "*, '', true",
    "*web*, my-web-1, true",
    "*-eu-*-1, web-eu-us-eu-2-1, true",
    "*-eu-*-1, web-eu-us-2, false",
    "web?, web1, true",
    "web?, web, false",
    "web?, web12, false",
    "'?', 😀, true",
    "WEB*, web1, false",
    "web.1, webx1, false",
    "web[12], web1, false",
    "'web[12]', 'web[12]', true",
    "'*a b*', 'of a b c', true"
  })
  void starIsAnyCharactersAndQuestionMarkOneOfTheWholeName(
      String pattern, String name, boolean fits) {
    assertThat(Selection.fits(pattern, name)).isEqualTo(fits);
  }

  @Test
  void noPatternTakesLong() {
    String pattern = "*a".repeat(100) + "b";

    Assertions.assertTimeout(
        Duration.ofSeconds(5),
        () -> assertThat(Selection.fits(pattern, "a".repeat(200))).isFalse());
  }

  private static Selection selection(Map<String, String> settings) {
    return Selection.of(new SourceDefinition("libvirt", List.of(), settings));
  }

  private static ListedVm vm(String name, String title, String... tags) {
    return new ListedVm(name, title, Set.of(tags), Map.of("domain", "uuid-of-" + name));
  }

  @Test
  void everythingThatIsSaidMustHold() {
    Selection selection =
        selection(Map.of("select-name", "web*", "select-title", "Shop*", "select-tag", "gold"));

    assertThat(selection.matches(vm("web1", "Shop front", "gold", "nightly"))).isTrue();
    assertThat(selection.matches(vm("db1", "Shop data", "gold"))).isFalse();
    assertThat(selection.matches(vm("web1", "Mail", "gold"))).isFalse();
    assertThat(selection.matches(vm("web1", "Shop front", "goldfish"))).isFalse();
    assertThat(selection).hasToString("name 'web*', title 'Shop*', tag 'gold'");
  }

  @Test
  void vmWithoutATitleHasNoneThatFits() {
    assertThat(selection(Map.of("select-title", "*")).matches(vm("a", ""))).isFalse();
    assertThat(selection(Map.of("select-title", "*")).matches(vm("a", "b"))).isTrue();
  }

  @Test
  void vmIsNamedByItsNameAndByWhatStays() {
    ListedVm vm = vm("web1", "");

    assertThat(vm.isNamedBy(Map.of("domain", "web1"))).isTrue();
    assertThat(vm.isNamedBy(Map.of("domain", "uuid-of-web1"))).isTrue();
    assertThat(vm.isNamedBy(Map.of("domain", "web2"))).isFalse();
    assertThat(vm.isNamedBy(Map.of("uri", "web1"))).isFalse();
  }
}
