using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>The numbers of a BERT encoder (Devlin et al., arXiv:1810.04805).</summary>
/// <param name="Width">C.</param>
/// <param name="Layers">L.</param>
/// <param name="Heads">H; C is a multiple of it.</param>
/// <param name="Inner">F.</param>
/// <param name="Positions">The longest sequence.</param>
/// <param name="TokenTypes">Rows of the token type table; the first is that of a single text.</param>
/// <param name="Vocabulary">V.</param>
/// <param name="Epsilon">Of the layer norms.</param>
internal sealed record BertConfig(int Width, int Layers, int Heads, int Inner, int Positions, int TokenTypes, int Vocabulary, float Epsilon)
{
    private const int Largest = 1 << 24;

    /// <summary>Reads config.json.</summary>
    /// <exception cref="InvalidInputException">It is of no BERT encoder, or of one with parts that are not known.</exception>
    public static BertConfig Read(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        JsonFields fields = new(JsonFile.Read(path), path);
        if (fields.OptionalString("model_type") != "bert") throw fields.Error("model_type", "\"bert\", a sentence embedder of the BERT family");
        Require(fields, "hidden_act", "gelu");
        Require(fields, "position_embedding_type", "absolute");
        var config = new BertConfig(
            fields.Int32("hidden_size", 1, Largest), fields.Int32("num_hidden_layers", 1, 4096), fields.Int32("num_attention_heads", 1, 4096),
            fields.Int32("intermediate_size", 1, Largest), fields.Int32("max_position_embeddings", 3, Largest), fields.Int32("type_vocab_size", 1, Largest),
            fields.Int32("vocab_size", 1, Largest), (float)fields.PositiveDouble("layer_norm_eps", 1e-12));
        if (config.Width % config.Heads != 0)
            throw fields.Error("hidden_size", string.Create(CultureInfo.InvariantCulture, $"a multiple of the {config.Heads} heads"));
        return config;
    }

    private static void Require(JsonFields fields, string name, string only)
    {
        if (fields.OptionalString(name) is { } value && value != only) throw fields.Error(name, $"\"{only}\"");
    }
}
