using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// values.jsonl: what is known of a game. The first line says which game it is, every other holds the coalitions that were measured side by
/// side, and is on the disk before the next are begun: a run that is stopped in any way goes on with the batch that it was at and ends with
/// the same bits, and a larger budget goes on from a smaller one.
/// </summary>
public sealed class CoalitionValuesFile : IDisposable
{
    /// <summary>Its name in a folder.</summary>
    public const string FileName = "values.jsonl";

    private readonly FileStream _stream;

    private CoalitionValuesFile(FileStream stream, CoalitionValues values)
    {
        _stream = stream;
        Values = values;
    }

    /// <summary>What the file holds.</summary>
    public CoalitionValues Values { get; }

    /// <summary>Opens the file of a folder, or makes it.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="players">Players of the game.</param>
    /// <param name="game">What v depends on, such as a hash of model, data and settings: values of another game are of no use.</param>
    /// <exception cref="InvalidInputException">The file is no such thing, or of another game.</exception>
    /// <exception cref="RunFailedException">It cannot be opened, such as while another run has it.</exception>
    public static CoalitionValuesFile Open(string folder, int players, string game)
    {
        string path = Path.Combine(folder, FileName);
        FileStream stream = Claim(path);
        try
        {
            var file = new CoalitionValuesFile(stream, new CoalitionValues(players));
            file.Read(path, new JsonObject { ["players"] = players, ["game"] = game });
            return file;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    // For one run alone: two that append to one table would write over each other's lines.
    private static FileStream Claim(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{path}: cannot be opened for writing, which one run at a time may do: {e.Message}", e);
        }
    }

    /// <summary>Adds a batch that <see cref="Values"/> has already; null for a coalition that is left out.</summary>
    public void Append(IReadOnlyList<KeyValuePair<Coalition, double?>> batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Write(new JsonObject { ["values"] = new JsonObject(batch.Select(v => KeyValuePair.Create(v.Key.ToString(), (JsonNode?)v.Value))) });
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private void Write(JsonObject line)
    {
        _stream.Write(Encoding.UTF8.GetBytes(line.ToJsonString() + "\n"));
        _stream.Flush(flushToDisk: true);
    }

    /// <summary>Reads all whole lines; one that was cut short, which can only be the last, is cut off once the file has proved to be ours.</summary>
    private void Read(string path, JsonObject header)
    {
        byte[] bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        int whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        if (whole == 0)
        {
            if (!Encoding.UTF8.GetBytes(header.ToJsonString()).AsSpan().StartsWith(bytes)) throw OfAnother(path);
            Cut(0);
            Write(header);
            return;
        }

        int number = 0;
        for (int start = 0; start < whole; number++)
        {
            int end = Array.IndexOf(bytes, (byte)'\n', start);
            string where = string.Create(CultureInfo.InvariantCulture, $"{path}:{number + 1}");
            JsonObject line = JsonFile.Parse(Encoding.UTF8.GetString(bytes, start, end - start), where);
            start = end + 1;
            if (number == 0) CheckGame(line, header, path);
            else Take(line, where);
        }

        Cut(whole);
    }

    private void Cut(int length)
    {
        _stream.SetLength(length);
        _stream.Position = length;
    }

    private static void CheckGame(JsonObject line, JsonObject header, string path)
    {
        if (!JsonNode.DeepEquals(line, header)) throw OfAnother(path);
    }

    private static InvalidInputException OfAnother(string path) =>
        new(path, "values of this model, data and training, or no such file", "values of another game, or something else");

    private void Take(JsonObject line, string where)
    {
        if (line["values"] is not JsonObject values) throw new InvalidInputException(where, "an object \"values\"", "none");
        foreach ((string key, JsonNode? value) in values)
        {
            Coalition coalition = Coalition.Parse(Values.Players, key, where);
            if (Values.Has(coalition)) throw new InvalidInputException(where, "every coalition once", $"{coalition} again");
            Values.Add(coalition, value is null ? null : new JsonFields(values, where, "values.").Double(key));
        }
    }
}
