using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>How the groups of a call are cut, where they are so many that their partial sums do not fit the workspace at once.</summary>
internal sealed class LoraWorkTests
{
    private static readonly LoraGroup[] Groups =
        [new(0, 3000, 0, 100, 0, 1f), new(3000, 500, 100, 16, 0, 2f), new(3500, 2500, 116, 5, 3, 1f), new(3500, 2500, 130, 7, 8, 0.5f), new(6000, 9, 0, 4, 0, 1f)];

    [Test]
    public void Groups_over_the_same_rows_are_one_list_of_entries()
    {
        LoraWork work = Begin();
        work.AddExpand();
        Assert.That(work.Entries.Length, Is.EqualTo(132));
        LoraTile last = work.Tiles[^2];
        Assert.That((last.Row + last.Rows, last.First, last.Entries), Is.EqualTo((6000, 116, 12)));
        Assert.That(work.Entries[last.First + 5], Is.EqualTo(new LoraEntry(130, 8, 0.5f)));
        Assert.That(work.Runs.Length, Is.EqualTo(1));
    }

    [Test]
    public void Partial_sums_of_S_lie_apart_and_fit([Values(70_000, 200_000, 10_000_000)] int workspaceFloats)
    {
        LoraWork work = Begin();
        const int width = 2 * LoraWork.ShrinkColumns;
        work.AddShrink(width, workspaceFloats);
        long cells = 0;
        foreach (LoraRun run in work.Runs)
        {
            int end = 0;
            foreach (LoraTile tile in work.Tiles.Slice(run.FirstTile, run.Tiles))
            {
                Assert.That(tile.Partial, Is.EqualTo(end));
                end += (width + tile.Chunk - 1) / tile.Chunk * tile.Rows * tile.Entries;
                cells += tile.Rows * tile.Entries;
            }
            Assert.That(end, Is.LessThanOrEqualTo(workspaceFloats));
        }
        Assert.That(cells, Is.EqualTo((3000 * 100) + (500 * 16) + (2500 * 12) + (9 * 4)));
    }

    [Test]
    public void Partial_sums_of_gradients_lie_apart_fit_and_are_all_summed([Values(64, 100, 1_000_000)] int partialRows)
    {
        LoraWork work = Begin();
        work.AddGradient(32, partialRows);
        long cells = 0, direct = 0;
        foreach (LoraRun run in work.Runs)
        {
            int end = 0, summed = 0;
            foreach (LoraTile tile in work.Tiles.Slice(run.FirstTile, run.Tiles))
            {
                cells += tile.Rows * tile.Entries;
                if (tile.Partial < 0)
                {
                    direct += tile.Rows * tile.Entries;
                    continue;
                }
                Assert.That(tile.Partial, Is.EqualTo(end));
                end += tile.Entries;
            }
            Assert.That(end, Is.LessThanOrEqualTo(partialRows));
            foreach (LoraSum sum in work.Sums.Slice(run.FirstSum, run.Sums))
            {
                Assert.That(sum.Partial, Is.EqualTo(summed));
                summed += sum.Entries * sum.Splits;
            }
            Assert.That(summed, Is.EqualTo(end));
        }
        Assert.That(cells, Is.EqualTo((3000 * 100) + (500 * 16) + (2500 * 12) + (9 * 4)));
        Assert.That(direct, Is.EqualTo((500 * 16) + (9 * 4)));
        LoraRun last = work.Runs[^1];
        Assert.That((last.Tiles, work.Tiles[last.FirstTile].Row), Is.EqualTo((1, 6000)), "ranks that come again wait for those before");
    }

    // Rows, then columns of S's sum and rows of the gradient's that a block takes: what is left of the width, or of the rows, fills a GPU.
    [TestCase(1, 2048, 256, 1)]
    [TestCase(512, 2048, 256, 512)]
    [TestCase(2048, 2048, 256, 256)]
    [TestCase(2048, 5632, 384, 256)]
    [TestCase(2048, 200, 256, 256)]
    [TestCase(4096, 2048, 256, 512)]
    [TestCase(16384, 2048, 1024, 1024)]
    [TestCase(16384, 8192, 1024, 1024)]
    public void Few_rows_are_cut_into_shorter_sums(int rows, int width, int chunk, int piece)
    {
        var work = new LoraWork();
        work.Begin([new(0, rows, 0, 16, 0, 1f)]);
        work.AddShrink(width, 1 << 24);
        int shrinks = work.Tiles.Length;
        work.AddGradient(32, 1 << 20);
        foreach (LoraTile tile in work.Tiles[..shrinks]) Assert.That((tile.Chunk, tile.Partial < 0), Is.EqualTo((chunk, chunk >= width)));
        foreach (LoraTile tile in work.Tiles[shrinks..]) Assert.That((tile.Rows, tile.Partial < 0), Is.EqualTo((piece, rows <= LoraWork.GradientRows)));
        Assert.That(LoraWork.Splits(work.Tiles[..shrinks], width), Is.EqualTo((width + chunk - 1) / chunk));
    }

    private static LoraWork Begin()
    {
        var work = new LoraWork();
        work.Begin(Groups);
        return work;
    }
}
