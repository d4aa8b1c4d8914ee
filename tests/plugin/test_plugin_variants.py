"""Stacked ``parametrize``: each variant of a suite is measured and judged by itself."""

SUITE = """
    import pytest

    @pytest.mark.parametrize("tone", ["kind", "curt"])
    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction, tone):
        if tone == "curt":
            assert prediction == case.expected
"""


def test_each_variant_has_numbers_of_its_own(project):
    """One kind passes everything, the other misses half."""
    project.suite("right-1", "wrong-1", source=SUITE)
    project.thresholds("accuracy >= 60%")

    result = project.run()

    assert result.ret == 1
    suites = project.file("summary.json")["suites"]
    assert {(item["variant"], item["metrics"]["accuracy"]["value"]) for item in suites} == {
        ("kind", 1.0),
        ("curt", 0.5),
    }
    result.stdout.fnmatch_lines(
        ["not met: test_ticket (curt): accuracy is 50.0 %, wanted >= 60% (n=2)"]
    )


def test_the_order_of_the_marks_does_not_matter(project):
    """The marker may stand above."""
    project.suite(
        "right-1",
        "wrong-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        @pytest.mark.parametrize("tone", ["kind", "curt"])
        def test_ticket(case, prediction, tone):
            pass
        """,
    )
    project.ini()

    project.run()

    assert {item["variant"] for item in project.file("summary.json")["suites"]} == {"kind", "curt"}


def test_two_parameters_are_one_variant(project):
    """Their ids are joined as pytest joins them."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.parametrize("n", [1, 2])
        @pytest.mark.parametrize("tone", ["kind", "curt"])
        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, tone, n):
            pass
        """,
    )
    project.ini()

    project.run()

    variants = {item["variant"] for item in project.file("summary.json")["suites"]}
    assert variants == {"kind-1", "kind-2", "curt-1", "curt-2"}


def test_leaving_a_variant_out_leaves_the_other_judged(project):
    """It is whole, so it is judged."""
    project.suite("right-1", "right-2", source=SUITE)
    project.thresholds("accuracy >= 60%")

    result = project.run("-k", "kind")

    assert result.ret == 0
    assert project.status == "met"
    assert [item["variant"] for item in project.file("summary.json")["suites"]] == ["kind"]


def test_case_ids_that_begin_alike_do_not_mix_variants(project):
    """``a`` and ``a-kind`` are two cases."""
    project.suite("right", "right-kind", "größe", "back\\slash", source=SUITE)
    project.ini()

    project.run()

    assert {item["variant"] for item in project.file("summary.json")["suites"]} == {"kind", "curt"}


def test_unescaped_ids_do_not_make_variants(project):
    """Where the ini file lets ids stand as they are."""
    project.suite("größe", "right", source=SUITE)
    project.ini("disable_test_id_escaping_and_forfeit_all_rights_to_community_support = true")

    project.run()

    assert {item["variant"] for item in project.file("summary.json")["suites"]} == {"kind", "curt"}


def test_a_parametrized_fixture_makes_variants(project):
    """Whatever fixture it is."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.fixture(params=["x", "y"])
        def thing(request):
            return request.param

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, thing):
            pass
        """,
    )
    project.ini()

    project.run()

    assert {item["variant"] for item in project.file("summary.json")["suites"]} == {"x", "y"}
