import numpy as np
import pytest

from curation.recipe.text import encode
from curation.recipe.text.tokens import bundled_model


@pytest.fixture(scope="module")
def encoder():
    return encode.load()


def test_vectors_are_normalised_float32_in_the_order_of_the_texts(encoder):
    texts = ["Ice floats on water.", "", "A sonnet has fourteen lines. " * 60, "冰浮在水上。"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (4, encoder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(encoder.encode(texts[::-1])[::-1], vectors)


def test_a_text_has_the_same_vector_to_the_bit_whatever_is_encoded_with_it(encoder):
    alone = encoder.encode(["Ice floats on water."])[0]
    among = encoder.encode(
        ["A much longer text about something else. " * 12, "Ice floats on water.", "Short."]
    )[1]
    assert np.array_equal(alone, among)


def test_what_lies_beyond_the_window_counts(encoder):
    ice = "Ice floats because it is lighter than water. " * 40
    poems = "A sonnet has fourteen lines and a turn. " * 40
    both, first, second = encoder.encode([ice + poems, ice, poems])
    assert both @ first > 0.6
    assert both @ second > 0.6


def test_no_text_passes_for_nothing(encoder):
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_the_key_names_all_that_changes_a_vector(encoder):
    assert encoder.key == encode.model_key()
    assert encoder.key.sha256 == encode.BUNDLED_SHA256
    assert (encoder.key.dtype, encoder.key.pooling, encoder.key.window) == ("float32", "mean", 256)
    assert str(encode.model_key(encode.Options(dtype="bfloat16"))) != str(encoder.key)


def test_a_folder_works_as_a_model(encoder):
    other = encode.Encoder(encode.Options(name=str(bundled_model())))
    assert other.key.dimensions == 384
    assert other.key.pooling == "mean"
    text = ["Ice floats on water."]
    assert np.array_equal(other.encode(text), encoder.encode(text))


def test_a_model_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(encode.ModelUnavailable, match="EMBEDDING_MODEL"):
        encode.Encoder(encode.Options(name=str(tmp_path)))


def test_a_mean_of_vectors_is_weighted_and_normalised():
    vectors = np.eye(3, dtype=np.float32)[:2]
    assert np.allclose(encode.weighted_mean(vectors, [3, 4]), [0.6, 0.8, 0])
    assert not encode.weighted_mean(np.zeros((2, 3), np.float32), [1, 1]).any()
