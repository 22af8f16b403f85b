"""`data explain`."""

from data_commands import document, run


def test_explain_says_what_a_number_means():
    found = document(run("data", "explain", "5253b", "--json"))
    assert found["words"] == "back 2 1/2 somersaults, 1 1/2 twists, pike"
    assert found["usual_difficulty"]["10"] == 3.2
    assert "back 2 1/2 somersaults, 1 1/2 twists, pike" in run("data", "explain", "5253B").stdout
    result = run("data", "explain", "9999Z", "--json")
    assert result.exit_code == 1
    assert "is no dive number" in document(result)["error"]["what"]
