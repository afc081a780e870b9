using MnistCnn.Data;
using MnistCnn.Recipes;
using MnistCnn.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Tests.Recipes;

public sealed class OrientedEdgesTests
{
    [Fact]
    public void An_images_maps_do_not_depend_on_the_other_images()
    {
        using var scope = NewDisposeScope();
        var images = rand([700, 1, 28, 28], generator: new Generator(1));   // more than one chunk
        var maps = OrientedEdges.Of(images);
        maps.shape.Should().Equal(700, 24, 14, 14);
        foreach (var i in new[] { 0, 499, 500, 699 })
        {
            var alone = OrientedEdges.Of(images.narrow(0, i, 1));
            (alone[0] - maps[i]).abs().max().ToDouble().Should().BeLessThan(1e-3);
        }
    }

    [Fact]
    public void Each_map_has_mean_0_and_variance_1()
    {
        using var scope = NewDisposeScope();
        var maps = OrientedEdges.Of(rand([3, 1, 28, 28], generator: new Generator(1)));
        maps.mean([2, 3]).abs().max().ToDouble().Should().BeLessThan(1e-4);
        (maps.square().mean([2, 3]) - 1).abs().max().ToDouble().Should().BeLessThan(1e-2);
    }

    [Fact]
    public void An_even_grey_has_no_edges_away_from_the_border()
    {
        using var scope = NewDisposeScope();
        OrientedEdges.Responses(full(1, 1, 28, 28, 0.7)).narrow(2, 3, 22).narrow(3, 3, 22).abs().max().ToDouble().Should().BeLessThan(1e-6);
    }

    [Theory]
    [InlineData(0, 0)]     // brighter to the right
    [InlineData(2, 90)]    // brighter below
    [InlineData(4, 180)]   // brighter to the left
    public void A_step_is_seen_by_the_edge_filter_of_its_direction(int filter, int degrees)
    {
        using var scope = NewDisposeScope();
        var image = zeros(1, 1, 28, 28);
        _ = degrees switch
        {
            0 => image.narrow(3, 14, 14).fill_(1),
            90 => image.narrow(2, 14, 14).fill_(1),
            _ => image.narrow(3, 0, 14).fill_(1),
        };
        var strength = OrientedEdges.Responses(image).narrow(2, 8, 12).narrow(3, 8, 12).amax([0, 2, 3]);
        strength.narrow(0, 0, 8).argmax().ToInt32().Should().Be(filter);
        strength[(filter + 4) % 8].ToDouble().Should().BeLessThan(1e-6);   // the opposite direction sees nothing
    }

    [Fact]
    public void A_data_set_keeps_its_name_and_labels()
    {
        using var folder = new TemporaryFolder();
        SmallMnist.Write(folder.Path);
        using var data = MnistData.Load(folder.Path);
        using var maps = OrientedEdges.Of(data);
        maps.Name.Should().Be(data.Name);
        maps.Train.Images.shape.Should().Equal(SmallMnist.TrainCount, 24, 14, 14);
        maps.Test.Images.shape.Should().Equal(SmallMnist.TestCount, 24, 14, 14);
        maps.Test.Labels.data<long>().Should().Equal(data.Test.Labels.data<long>());
    }
}
