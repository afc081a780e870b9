using DpSgd.Tests.TestKit;
using MnistCnn.Data;
using MnistCnn.Tests.TestKit;
using TorchSharp;

namespace MnistCnn.Tests.Data;

public sealed class MnistDataTests
{
    [Fact]
    public void The_bundled_set_is_MNIST()
    {
        using var data = MnistData.LoadBundled();
        data.Train.Images.shape.Should().Equal(60_000, 1, 28, 28);
        data.Train.Labels.shape.Should().Equal(60_000);
        data.Test.Images.shape.Should().Equal(10_000, 1, 28, 28);
        data.Test.Labels.shape.Should().Equal(10_000);

        using var scope = torch.NewDisposeScope();
        data.Train.Images.min().ToSingle().Should().Be(0);
        data.Train.Images.max().ToSingle().Should().Be(1);
        data.Train.Images.mean().ToSingle().Should().BeApproximately(0.1307f, 1e-4f, "that is MNIST's mean, known to everyone who normalised by it");
        data.Train.Labels.slice(0, 0, 10, 1).data<long>().Should().Equal(5, 0, 4, 1, 9, 2, 1, 3, 1, 4);
        data.Test.Labels.slice(0, 0, 10, 1).data<long>().Should().Equal(7, 2, 1, 0, 4, 1, 4, 9, 5, 9);
    }

    [Fact]
    public void A_changed_bundled_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(BundledMnist.Directory, "*.gz"))
            File.Copy(file, folder[Path.GetFileName(file)]);
        var verify = () => BundledMnist.Verify(folder.Path);
        verify.Should().NotThrow();

        var path = folder[MnistFiles.TestLabels + ".gz"];
        var content = File.ReadAllBytes(path);
        content[^20] ^= 1;
        File.WriteAllBytes(path, content);
        verify.Should().Throw<InvalidDataException>().WithMessage($"{path}: *SHA-256*");
    }

    [Fact]
    public void Another_set_is_read_gzipped_or_not()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.Path);
        var tensors = LiveTensors.Settled();
        using (var data = MnistData.Load(folder.Path))
        {
            data.Train.Count.Should().Be(SmallMnist.TrainCount);
            data.Test.Count.Should().Be(SmallMnist.TestCount);
            LiveTensors.Settled().Should().Be(tensors + 4);
        }
        LiveTensors.Settled().Should().Be(tensors);
    }

    [Theory]
    [InlineData(MnistFiles.TrainImages)]
    [InlineData(MnistFiles.TestLabels)]
    public void A_missing_file_is_named(string name)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.Path);
        File.Delete(MnistFiles.Find(folder.Path, name));
        var load = () => MnistData.Load(folder.Path);
        load.Should().Throw<FileNotFoundException>().WithMessage($"{folder[name]}: there is no such file, nor {name}.gz beside it.");
    }

    [Fact]
    public void A_missing_folder_is_named()
    {
        var load = () => MnistData.Load("/nowhere");
        load.Should().Throw<IOException>().WithMessage("*nowhere*");
    }

    public static TheoryData<string, byte[], string> Misfits => new()
    {
        { MnistFiles.TestImages, IdxWriter.Bytes([], 0, 28, 28), "holds no images" },
        { MnistFiles.TestImages, IdxWriter.Bytes(new byte[200 * 4], 200, 2, 2), "images are 2 x 2, not 28 x 28" },
        { MnistFiles.TestLabels, IdxWriter.Bytes(new byte[199], 199), "holds 199 labels for 200 images" },
        { MnistFiles.TestLabels, IdxWriter.Bytes([.. new byte[199], 10], 200), "label 200 is 10, but there are only 10 classes" },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void A_file_that_does_not_fit_is_refused_and_nothing_leaks(string name, byte[] content, string message)
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.Path);
        File.WriteAllBytes(folder[name], content);
        var tensors = LiveTensors.Settled();
        var load = () => MnistData.Load(folder.Path);
        load.Should().Throw<InvalidDataException>().WithMessage($"{folder[name]}: *{message}*");
        LiveTensors.Settled().Should().Be(tensors);
    }
}
